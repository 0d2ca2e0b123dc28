"""AWS on this machine: MiniStack, on the loopback address, with credentials that open nothing else."""

import os
import shutil
import sys
from collections.abc import Iterator

import boto3

from infra.local.places import ROOT, Home
from infra.local.processes import free_port

REGION = "us-east-1"
READY_SECONDS = 120.0


def start(home: Home, port: int | None = None) -> str:
    """Start MiniStack on a port, by default a free one, and return its address once it answers.

    Functions run with this interpreter, under the rights of their own roles and no others. What MiniStack
    held when its process ended is there again, unless `stop` has removed it.
    """
    port = port or free_port()
    files = home.emulator_files.resolve()
    files.mkdir(parents=True, exist_ok=True)
    home.ministack.start(
        [sys.executable, "-P", str(ROOT / "infra" / "local" / "emulator.py")],
        environment=_without_aws()
        | {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(files),
            "TMPDIR": str(files),
        },
        cwd=files,
    )
    endpoint = f"http://127.0.0.1:{port}"
    home.ministack.wait_until_ready(f"{endpoint}/_ministack/ready", seconds=READY_SECONDS)
    return endpoint


def stop(home: Home) -> None:
    """Stop MiniStack and remove what it wrote, without waiting for what it would write at its end."""
    home.ministack.stop(seconds=0)
    shutil.rmtree(home.emulator_files, ignore_errors=True)


def function_logs() -> Iterator[str]:
    """What the functions have logged, oldest line first."""
    logs = boto3.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            yield from (event["message"].rstrip() for event in page["events"])


def enter(endpoint: str) -> None:
    """Point this process, and all it starts, at the emulator.

    Whatever the shell says of AWS is left behind (profiles, keys, endpoints, certificates), so that no
    command of this package can reach a real account.
    """
    inside = _without_aws() | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    os.environ.clear()
    os.environ.update(inside)


def _without_aws() -> dict[str, str]:
    """This process's environment without what configures AWS clients, and with no proxy before loopback.

    Nor with PYTHONPATH: functions must find the layer that was built, not the working tree.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and name != "PYTHONPATH"
    }
    direct = ",".join(filter(None, [kept.get("NO_PROXY"), "127.0.0.1,localhost"]))
    return kept | {"NO_PROXY": direct, "no_proxy": direct}
