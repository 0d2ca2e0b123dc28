"""Who calls a running stack: its users, a back end, and whoever else finds the address."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx

from infra.local import issuer
from infra.local.places import Home, Stack

CONNECTIONS = 32
PATIENCE_SECONDS = 120.0
POLL_SECONDS = 0.1


class Callers:
    """Clients of one stack. An answer is the caller's to judge: none raises here."""

    def __init__(self, home: Home, stack: Stack) -> None:
        self._home = home
        self._stack = stack
        # One for all: making a transport takes longer than most answers.
        self._transport = httpx.HTTPTransport(limits=httpx.Limits(max_connections=CONNECTIONS))
        self.service = self.bearing(issuer.service_token(home.signing_key, stack.issuer))

    def user(self, user_id: str, **claims: str) -> httpx.Client:
        """Return a client with a user's token, which may claim more."""
        token = issuer.user_token(self._home.signing_key, self._stack.issuer, user_id, **claims)
        return self.bearing(token)

    def bearing(self, token: str | None) -> httpx.Client:
        """Return a client of the API with any token, or with none."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self._stack.api, headers=headers, timeout=60, transport=self._transport)

    def now(self) -> datetime:
        """Return what time it is for the stack."""
        clock = httpx.get(f"{self._stack.stripe}/_sandbox/clock", trust_env=False)
        return datetime.fromisoformat(clock.json()["now"])

    def quota(self, user_id: str, metric: str) -> dict[str, Any]:
        """Return where a user stands with a metric."""
        standing: dict[str, Any] = self.service.get(f"/quota/{metric}", params={"userId": user_id}).json()
        return standing

    def consume(self, user_id: str, metric: str, record_id: str, quantity: int = 1) -> httpx.Response:
        """Consume of a metric."""
        body = {"userId": user_id, "id": record_id, "quantity": quantity}
        return self.service.post(f"/quota/{metric}/consume", json=body)

    def usage(self, user_id: str) -> dict[str, int]:
        """Return what GET /subscription says a user has used."""
        used: dict[str, int] = self.user(user_id).get("/subscription").json()["usage"]
        return used


def soon[T](look: Callable[[], T], like: Callable[[T], bool]) -> T:
    """Look again and again until it is as it should become, or it is too late; return what was seen last."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not like(seen := look()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return seen
