"""Signed deliveries with retries, disturbed as the sandbox asks (docs.stripe.com/webhooks)."""

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import httpx
from stripe import Event, WebhookEndpoint, WebhookSignature
from stripe.v2.core import Event as ThinEvent
from stripe.v2.core import EventDestination

from infra.stripe_standin.account.shapes import plain
from infra.stripe_standin.account.state import Account

# Stripe retries for up to three days; here it is the same doubling, in seconds of the wall clock. A move
# of the sandbox clock waits for the first retries only, lest an endpoint that is down hold it up.
SOON = (0.5, 1, 2, 4)
LATER = (8, 15, 30, 60, 120, 300, 600)
TIMEOUT = 30
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What happens to deliveries on their way.

    Attributes:
        drop: The share never sent at all.
        duplicate: The share sent twice.
        reorder: Whether they overtake one another.
        delay_seconds: How long each waits first, in wall-clock seconds.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: bool = False
    delay_seconds: float = 0.0


class Deliveries:
    """Takes events to the endpoints that asked for them.

    Args:
        account: Whose events and endpoints.
        seed: Makes the disturbances repeatable.
    """

    def __init__(self, account: Account, seed: int = 0) -> None:
        self._account = account
        self._random = random.Random(seed)  # noqa: S311 - disturbances, not secrets
        self._places = asyncio.Semaphore(AT_ONCE)
        self._client: httpx.AsyncClient | None = None
        self.disturbance = Disturbance()

    async def close(self) -> None:
        """Hang up."""
        if self._client:
            await self._client.aclose()

    def tell(self, event: Event) -> None:
        """Send a snapshot event to every webhook endpoint enabled for its type."""
        for endpoint in self._account.all(WebhookEndpoint):
            if endpoint.status == "enabled" and _wants(endpoint.enabled_events, event.type):
                event.pending_webhooks += 1
                self._send(endpoint.url, endpoint.id, event)

    def tell_thin(self, event: ThinEvent) -> None:
        """Send a thin event, which names its object but does not carry it.

        See docs.stripe.com/event-destinations.
        """
        for destination in self._account.all(EventDestination):
            webhook = destination.webhook_endpoint
            if destination.status == "enabled" and webhook and _wants(destination.enabled_events, event.type):
                self._send(str(webhook.url), destination.id, event)

    def _send(self, url: str, endpoint: str, event: Event | ThinEvent) -> None:
        body = plain(event)
        if isinstance(event, ThinEvent):
            del body["data"]
        for _ in self._copies():
            wait = self.disturbance.delay_seconds
            if self.disturbance.reorder:
                wait += self._random.uniform(0, 0.3)
            pauses = (wait, *SOON)
            self._account.background.spawn(self._deliver(url, endpoint, event, json.dumps(body), pauses))

    def _copies(self) -> Iterator[int]:
        if self._random.random() < self.disturbance.drop:
            return
        yield 1
        if self._random.random() < self.disturbance.duplicate:
            yield 2

    async def _deliver(
        self, url: str, endpoint: str, event: Event | ThinEvent, body: str, pauses: Sequence[float]
    ) -> None:
        """Attempt until acknowledged, `pauses` apart; each attempt is signed anew, on the wall clock."""
        if isinstance(event, Event) and event.type == "invoice.created":
            self._account.unacknowledged[event.id] = event.data.object["id"]
        for pause in pauses:
            await asyncio.sleep(pause)
            async with self._places:
                acknowledged = await self._attempt(url, self._account.secrets[endpoint], body)
            if acknowledged:
                if isinstance(event, Event):
                    event.pending_webhooks = max(event.pending_webhooks - 1, 0)
                    if not event.pending_webhooks:
                        self._account.unacknowledged.pop(event.id, None)
                return
        if pauses is not LATER:
            self._account.background.spawn(self._deliver(url, endpoint, event, body, LATER), awaited=False)

    async def _attempt(self, url: str, secret: str, body: str) -> bool:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": WebhookSignature.generate_signature_header(body, secret),
        }
        self._client = self._client or httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)
        try:
            answer = await self._client.post(url, content=body, headers=headers)
        except httpx.HTTPError:
            return False
        return answer.is_success


def _wants(enabled: list[str], name: str) -> bool:
    return "*" in enabled or name in enabled
