"""`python -m infra.example_host PORT FOLDER`: serve the host, metered by the stack of a folder.

Started by `infra.local.host`. Its clock goes on from the stack's, as that was when the host began.
"""

import sys
import time
from datetime import datetime
from pathlib import Path

import httpx
import uvicorn

from infra.example_host.wiring import metered_host
from infra.local import issuer
from infra.local.places import Home, Stack
from tollkeeper.client import Tollkeeper

TOKEN_SECONDS = issuer.LIFETIME.total_seconds() / 2
FLUSH_SECONDS = 1.0
"""So short that whoever tries it sees a request become a number."""
PATIENCE_SECONDS = 20.0
"""So long that nothing fails open because one machine carries the emulator and much else."""


class LocalTokens:
    """Service tokens of the local issuer."""

    def __init__(self, home: Home, stack: Stack) -> None:
        self._home = home
        self._stack = stack
        self._token = ""
        self._renew_at = 0.0

    def current(self, timeout: float) -> str:  # noqa: ARG002 - it is signed here
        """Return a token, another one after half its life."""
        if time.monotonic() >= self._renew_at:
            self._token = issuer.service_token(self._home.signing_key, self._stack.issuer)
            self._renew_at = time.monotonic() + TOKEN_SECONDS
        return self._token

    def forget_token(self, token: str) -> None:  # noqa: ARG002 - there is but one
        """Sign another one next time."""
        self._renew_at = 0.0


def serve(port: int, folder: Path) -> None:
    """Serve until stopped."""
    home = Home(folder)
    stack = home.stack
    clock = httpx.get(f"{stack.stripe}/_sandbox/clock", trust_env=False).json()["now"]
    ahead = datetime.fromisoformat(clock).timestamp() - time.time()
    tollkeeper = Tollkeeper(
        stack.api,
        LocalTokens(home, stack),
        host="example-host",
        interval=FLUSH_SECONDS,
        patience=PATIENCE_SECONDS,
        clock=lambda: time.time() + ahead,
    )
    uvicorn.run(metered_host(tollkeeper), host="127.0.0.1", port=port, log_level="info")


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
