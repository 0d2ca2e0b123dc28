"""The stand-in as a command."""

import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]


def test_runs_alone_on_a_free_port() -> None:
    """`python -m infra.stripe_standin` serves on loopback and says where."""
    command = [sys.executable, "-m", "infra.stripe_standin", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603 - our own
        assert running.stdout
        url = running.stdout.readline().split()[-1]
        clock = httpx.get(f"{url}/_sandbox/clock", timeout=10).json()
        running.terminate()
    assert clock["frozen"] is False
