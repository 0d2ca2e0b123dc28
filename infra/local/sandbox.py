"""The process that plays the outside world on one port: Stripe, its clock, and the OIDC issuer.

Started by `infra.local.stack` as `python -m infra.local.sandbox PORT SIGNING_KEY`.
"""

import sys
from pathlib import Path

import uvicorn

from infra.local import issuer
from infra.local.schedules import Schedules
from infra.local.standin.app import create_app
from infra.local.standin.clock import SandboxClock


def serve(port: int, signing_key: Path) -> None:
    """Serve until stopped."""
    url = f"http://127.0.0.1:{port}"
    app = create_app(clock=SandboxClock(), on_stop=Schedules().catch_up, public_url=url)
    app.router.routes[:0] = issuer.routes(signing_key, issuer.url(url))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
