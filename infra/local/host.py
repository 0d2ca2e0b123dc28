"""The example host, beside a running stack that meters it."""

import os
import sys

from infra.local.places import ROOT, Home
from infra.local.processes import free_port

READY_SECONDS = 90.0


def start(home: Home) -> str:
    """Start the host, or find it running; return its address once it answers.

    Raises:
        LocalError: it did not start.
    """
    if home.example_host.running:
        return home.host_file.read_text().strip()
    return _start(home, free_port())


def deploy_again(home: Home) -> bool:
    """Have the host, if it is running, read what is sold by now; return whether it is.

    Raises:
        LocalError: it did not start again.
    """
    if not home.example_host.running:
        return False
    home.example_host.stop()
    _start(home, int(home.host_file.read_text().strip().rpartition(":")[2]))
    return True


def _start(home: Home, port: int) -> str:
    address = f"http://127.0.0.1:{port}"
    home.example_host.start(
        [sys.executable, "-m", "infra.example_host", str(port), str(home.folder.resolve())],
        environment=os.environ | {"PYTHONPATH": str(ROOT / "shared")},
        cwd=ROOT,
    )
    home.example_host.wait_until_ready(f"{address}/openapi.json", seconds=READY_SECONDS)
    home.host_file.write_text(f"{address}\n")
    return address
