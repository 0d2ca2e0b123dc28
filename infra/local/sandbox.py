"""The process that plays the outside world on one port: Stripe, its clock, the OIDC issuer, and a product.

Started by `infra.local.stack` as `python -m infra.local.sandbox PORT SIGNING_KEY`.
"""

import sys
from pathlib import Path

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse

from infra.local import issuer
from infra.local.errors import LocalError
from infra.local.places import Home
from infra.local.product.back_end import BackEnd
from infra.local.product.pages import ProductPages
from infra.local.schedules import Schedules
from infra.stripe_standin.app import create_app
from infra.stripe_standin.clocks.sandbox_clock import SandboxClock


def serve(port: int, signing_key: Path) -> None:
    """Serve until stopped."""
    url = f"http://127.0.0.1:{port}"
    app = create_app(clock=SandboxClock(), on_stop=Schedules().catch_up, public_url=url)
    app.add_exception_handler(LocalError, _say_why)
    product = ProductPages(BackEnd(Home(signing_key.parent)), url)
    app.router.routes[:0] = [*issuer.routes(signing_key, issuer.url(url)), *product.routes()]
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


async def _say_why(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": "local_stack_failed", "message": str(error)}, status_code=500)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
