"""`python -m infra.example_host PORT FOLDER`: serve the host, metered by the stack of a folder.

Started by `infra.local.host`. Its clock is the stack's, wherever somebody moves that.
"""

import sys
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import httpx
import uvicorn

from infra.example_host.wiring import metered_host
from infra.local import issuer
from infra.local.places import Home, Stack
from tollkeeper.catalogue import load
from tollkeeper.client import Tollkeeper

TOKEN_SECONDS = issuer.LIFETIME.total_seconds() / 2
FLUSH_SECONDS = 1.0
"""So short that whoever tries it sees a request become a number."""
PATIENCE_SECONDS = 20.0
"""So long that nothing fails open because one machine carries the emulator and much else."""

CLOCK_SECONDS = 1.0


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


class StackClock:
    """The stack's time, asked for once a second at most; while it is not told, the last answer goes on."""

    def __init__(self, stack: Stack) -> None:
        self._url = f"{stack.stripe}/_sandbox/clock"
        self._ahead = self._asked()
        self._ask_at = 0.0

    def __call__(self) -> float:
        """Return the seconds since 1970."""
        if time.monotonic() >= self._ask_at:
            with suppress(httpx.HTTPError):
                self._ahead = self._asked()
            self._ask_at = time.monotonic() + CLOCK_SECONDS
        return time.time() + self._ahead

    def _asked(self) -> float:
        now = httpx.get(self._url, trust_env=False).json()["now"]
        return datetime.fromisoformat(now).timestamp() - time.time()


def serve(port: int, folder: Path) -> None:
    """Serve until stopped."""
    home = Home(folder)
    stack = home.stack
    tollkeeper = Tollkeeper(
        stack.api,
        LocalTokens(home, stack),
        catalogue=load(home.catalogue),
        host="example-host",
        interval=FLUSH_SECONDS,
        clock=StackClock(stack),
        patience=PATIENCE_SECONDS,
    )
    uvicorn.run(metered_host(tollkeeper), host="127.0.0.1", port=port, log_level="info")


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
