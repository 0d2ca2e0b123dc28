"""How long a function takes to start, over one that only makes the same clients.

The runtime is Lambda's own: the emulator of it that ships in aws-sam-cli, with Lambda's runtime client, in an
environment that holds nothing else but boto3. Function and layer are what `sam build` made, in bytecode.
What the machine had a function wait for a processor, since it was busy with others, is left out.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

import httpx
from stripe import WebhookSignature

from infra.local import sam
from infra.local.edition import SHIPPED
from infra.local.places import ROOT, Home
from infra.local.processes import free_port
from tests.bench import quota
from tests.bench.deployment import WEBHOOK_SECRET
from tests.bench.figures import Figure, Paired
from tests.fakes.stripe_events import invoice

PYTHON = ROOT / ".venv-runtime" / "bin" / "python"
RUNTIME_EMULATOR = (
    ROOT / ".venv-sam/lib/python3.13/site-packages/samcli/local/rapid" / f"aws-lambda-rie-{sam.ARCHITECTURE}"
)
"""Lambda's runtime interface emulator, which ships with the SAM CLI and runs on Linux."""

HELLO = Path(__file__).with_name("hello")
ROUNDS = 15
CONNECTIONS = 6
"""Attempts, each after twice the wait of the one before: the emulator listens within a tenth of a second."""

MOST_SECONDS = 30.0


class Start(NamedTuple):
    """Milliseconds since a function was started: when it could be called, and when it first had answered."""

    ready: float
    answered: float


def figures(home: Home, tell: Callable[[str], object]) -> list[Figure]:
    """Measure the functions in whose cold start somebody waits; `tell` is told how far it is."""
    if sys.platform != "linux":
        tell("Cold starts are left out: Lambda's runtime is made for Linux")
        return []
    tell("Building the functions and their layer")
    sam.build(home, SHIPPED)
    webhook = _signed(json.dumps(invoice("invoice.paid")))
    return [
        *_ratios("quota", home.build / "Quota", quota.check(quota.SUBSCRIBER, "apiCalls"), tell),
        *_ratios("webhook", home.build / "StripeWebhook", webhook, tell),
    ]


def _signed(body: str) -> dict[str, Any]:
    """Return a body as the function URL hands it over."""
    now = int(datetime.now(UTC).timestamp())
    signature = WebhookSignature.generate_signature_header(body, WEBHOOK_SECRET, now)
    return {"headers": {"stripe-signature": signature}, "body": body, "isBase64Encoded": False}


def _ratios(name: str, task: Path, event: dict[str, Any], tell: Callable[[str], object]) -> list[Figure]:
    """Start a function and its hello-world in turns, each pair within a second of the machine's moods."""
    path = [task, task.with_name("Layer") / "python"]
    pairs = []
    for number in range(ROUNDS):
        tell(f"Starting {name} and its hello-world cold, {number + 1} of {ROUNDS}")
        pairs.append((start("app.handler", path, event), start(f"{name}.handler", [HELLO], event)))
    ready = Paired([(ours.ready, hello.ready) for ours, hello in pairs])
    answered = Paired([(ours.answered, hello.answered) for ours, hello in pairs])
    return [
        Figure(
            f"{name}_cold_start_ratio",
            f"{name}'s start over a hello-world's with its clients ({ready} ms)",
            ready.ratio,
            1.4,
        ),
        Figure(
            f"{name}_first_answer_ratio",
            f"… and its first answer over the bare calls ({answered} ms)",
            answered.ratio,
        ),
    ]


def start(handler: str, path: Sequence[Path], event: dict[str, Any]) -> Start:
    """Start a handler, with what is on its path beside Lambda's own, call it once, and end it."""
    address, runtime = (f"127.0.0.1:{free_port()}" for _ in range(2))
    emulate = ["--runtime-interface-emulator-address", address, "--runtime-api-address", runtime]
    # On Lambda the disk is read-only: what was not compiled before is compiled at every start.
    environment = {"PYTHONPATH": ":".join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}
    with TemporaryFile("w+") as log:
        process = subprocess.Popen(  # noqa: S603 - the command is ours
            [RUNTIME_EMULATOR, *emulate, PYTHON, "-m", "awslambdaric", handler],
            env=os.environ | environment,
            cwd=path[0],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            answer = _call(address, event)
            waited = _waited(process.pid)
        finally:
            process.terminate()
            process.wait()
        log.seek(0)
        told = log.read()
    ready = re.search(r"INIT REPORT\(durationMs: ([\d.]+)\)", told)
    answered = re.search(r"^REPORT .*\tDuration: ([\d.]+) ms", told, re.MULTILINE)
    if answer.get("statusCode") != HTTPStatus.OK or not ready or not answered:
        raise RuntimeError(f"{handler} answered {answer}:\n{told}")
    return Start(float(ready[1]) - waited, float(answered[1]) - waited)


def _call(address: str, event: dict[str, Any]) -> dict[str, Any]:
    """Call a function as soon as the emulator listens, and return its answer."""
    transport = httpx.HTTPTransport(retries=CONNECTIONS)
    with httpx.Client(transport=transport, trust_env=False, timeout=MOST_SECONDS) as client:
        answer: dict[str, Any] = client.post(
            f"http://{address}/2015-03-31/functions/function/invocations", json=event
        ).json()
    return answer


def _waited(emulator: int) -> float:
    """Return for how many milliseconds the function stood in line for a processor (proc_pid_schedstat(5))."""
    threads = Path(f"/proc/{emulator}/task")
    [function] = [child for file in threads.glob("*/children") for child in file.read_text().split()]
    _, nanoseconds, _ = Path(f"/proc/{function}/schedstat").read_text().split()
    return int(nanoseconds) / 1_000_000
