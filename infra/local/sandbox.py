"""The process that plays the outside world: Stripe, its clock, and the OIDC issuer, on one port."""

import os
import sys
from pathlib import Path

import uvicorn
from infra.local.standin.app import create_app

from infra.local import issuer
from infra.local.places import ROOT, Home
from infra.local.processes import free_port
from infra.local.schedules import Schedules
from infra.local.standin.clock import SandboxClock

READY_SECONDS = 30.0


def start(home: Home) -> str:
    """Start the process on a free port and return its address once it answers. MiniStack comes first."""
    issuer.create_key(home.signing_key)
    port = free_port()
    home.sandbox.start(
        [sys.executable, "-m", "infra.local.sandbox", str(port), str(home.signing_key)],
        environment=os.environ,
        cwd=ROOT,
    )
    url = f"http://127.0.0.1:{port}"
    home.sandbox.wait_until_ready(
        f"{issuer_url(url)}/.well-known/openid-configuration", seconds=READY_SECONDS
    )
    return url


def issuer_url(url: str) -> str:
    """The issuer's name in tokens, and where it is discovered."""
    return f"{url}{issuer.PATH}"


def serve(port: int, signing_key: Path) -> None:
    """Serve until stopped."""
    url = f"http://127.0.0.1:{port}"
    app = create_app(clock=SandboxClock(), on_stop=Schedules().catch_up, public_url=url)
    app.router.routes[:0] = issuer.routes(signing_key, issuer_url(url))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
