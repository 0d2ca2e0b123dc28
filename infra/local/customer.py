"""A customer, and the back end that serves them, as seen from outside: tokens, the public API, and time."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from infra.local import issuer
from infra.local.errors import LocalError
from infra.local.places import WEB_APPLICATION, Home, Stack

# Moving the clock across weeks runs everything that happens in them.
TIMEOUT = httpx.Timeout(30, read=300)
GOOD_CARD = "4242424242424242"
"""Stripe's test card that always pays."""

PATIENCE_SECONDS = 120.0
POLL_SECONDS = 0.25

type Json = dict[str, Any]


@dataclass(frozen=True)
class UsageRecord:
    """What the customer did, as `POST /usage` takes it."""

    id: str
    event_type: str
    timestamp: datetime
    quantity: int = 1
    facility: str | None = None


class Customer:
    """One user of the running stack, whose token may claim more, such as `org_id`.

    Every method raises LocalError when an answer is not the one that the API promises, or does not come.
    """

    def __init__(self, home: Home, stack: Stack, user_id: str, **claims: str) -> None:
        self.user_id = user_id
        token = issuer.user_token(home.signing_key, stack.issuer, user_id, **claims)
        self._as_user = _client(stack.api, token)
        self._as_service = _client(stack.api, issuer.service_token(home.signing_key, stack.issuer))
        self._sandbox = _client(stack.stripe)

    def buy(self, plan: str, card: str = GOOD_CARD) -> None:
        """Open a checkout session, and pay as the customer does on Stripe's page."""
        page = {"successUrl": f"{WEB_APPLICATION}/welcome", "cancelUrl": f"{WEB_APPLICATION}/pricing"}
        session = _ask(self._as_user, "POST", "/checkout", {"plan": plan, **page})
        _ask(self._sandbox, "POST", f"/_sandbox/checkout/sessions/{session['id']}/complete", {"card": card})

    def watch_for(self, what: str) -> Iterator[Json]:
        """What `GET /subscription` shows, again and again until the caller has seen what it waits for."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            yield (shown := _ask(self._as_user, "GET", "/subscription"))
            if time.monotonic() > deadline:
                raise LocalError(f"No {what} in GET /subscription after {PATIENCE_SECONDS:.0f} s: {shown}")
            time.sleep(POLL_SECONDS)

    def once(self, status: str) -> Json:
        """What `GET /subscription` shows as soon as the subscription has a status."""
        return next(shown for shown in self.watch_for(f"{status} subscription") if shown["status"] == status)

    def accept(self, cents: int) -> None:
        """Set the most overage that the customer accepts in a period."""
        _ask(self._as_user, "PUT", "/subscription/spending-cap", {"amount": cents})

    def quota(self, event_type: str) -> Json:
        """What a back end is told of the customer's quota."""
        return _ask(self._as_service, "GET", f"/quota/{event_type}?userId={self.user_id}")

    def audit_trail(self) -> list[Json]:
        """What support is shown of what changed of the customer, the newest first."""
        entries: list[Json] = _ask(self._as_service, "GET", f"/users/{self.user_id}/audit")["entries"]
        return entries

    def report(self, records: Sequence[UsageRecord]) -> None:
        """Send usage as the back end does that saw it happen. At most 1,000 records."""
        body = [
            {
                "id": record.id,
                "userId": self.user_id,
                "eventType": record.event_type,
                "quantity": record.quantity,
                "timestamp": record.timestamp.isoformat(),
                **({"facilityId": record.facility} if record.facility else {}),
            }
            for record in records
        ]
        answer = _ask(self._as_service, "POST", "/usage", {"records": body})
        if answer["accepted"] != len(records):
            raise LocalError(
                f"POST /usage rejected {len(answer['rejected'])} records: {answer['rejected'][0]}"
            )

    def move_clock(self, to: datetime) -> None:
        """Move the whole stack to a later time; returns when everything due until then has happened."""
        _ask(self._sandbox, "PUT", "/_sandbox/clock", {"now": to.isoformat()})


def _client(base_url: str, token: str | None = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=base_url, headers=headers, timeout=TIMEOUT, trust_env=False)


def _ask(client: httpx.Client, method: str, path: str, body: Json | None = None) -> Json:
    try:
        response = client.request(method, path, json=body)
    except httpx.TransportError as error:
        raise LocalError(f"{method} {path} got no answer: {error!r}") from error
    if not response.is_success:
        raise LocalError(f"{method} {path} answered {response.status_code}: {response.text}")
    answer: Json = response.json()
    return answer
