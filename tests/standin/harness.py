"""What the tests drive the stand-in with: a running server, a small shop, a webhook receiver."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from stripe import Customer, Invoice, Price, StripeClient, StripeError, Subscription

from infra.stripe_standin.clocks.sandbox_clock import iso
from infra.stripe_standin.server.loopback import listen

START = datetime(2026, 1, 31, 12, 0, 7, tzinfo=UTC)


def header(error: StripeError, name: str) -> str | None:
    """A header of the answer that refused a call."""
    return {key.lower(): value for key, value in (error.headers or {}).items()}.get(name.lower())


class Sandbox:
    """The running stand-in, as a test sees it."""

    def __init__(self, http: httpx.Client, stops: list[datetime]) -> None:
        self.http = http
        self.stops = stops
        self.url = url = str(http.base_url)
        self.stripe = StripeClient(
            "sk_test_tests", base_addresses={"api": url, "meter_events": url}, max_network_retries=0
        )

    def move(self, instant: datetime) -> list[str]:
        """Move the clock and return the stops."""
        answer = self.http.put("/_sandbox/clock", json={"now": iso(instant)})
        assert answer.status_code == 200, answer.text
        stops: list[str] = answer.json()["stops"]
        return stops

    def put(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Change a sandbox setting."""
        return self.http.put(f"/_sandbox/{path}", json=body)


class Receiver:
    """A webhook endpoint that keeps what it was sent, and fails as often as told."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, str]] = []
        self.failures = 0
        self.url = ""

    async def take(self, request: Request) -> Response:
        """Keep a delivery, or refuse it."""
        if self.failures:
            self.failures -= 1
            return Response(status_code=503)
        self.received.append((await request.body(), request.headers["stripe-signature"]))
        return Response(status_code=200)


class Shop:
    """A small catalogue and its customers: two plans, a price that is charged once, and a meter."""

    def __init__(self, stripe: StripeClient) -> None:
        self.stripe = stripe
        self.product = stripe.v1.products.create({"name": "Lamp"})
        self.meter = stripe.v1.billing.meters.create(
            {"display_name": "Switches", "event_name": "switch", "default_aggregation": {"formula": "sum"}}
        )
        self.small = self.price(2000, "small")
        self.large = self.price(5000, "large")
        self.once = stripe.v1.prices.create(
            {"currency": "usd", "product": self.product.id, "unit_amount": 3, "lookup_key": "switches"}
        )

    def price(self, amount: int, lookup_key: str) -> Price:
        """A licensed monthly price."""
        return self.stripe.v1.prices.create(
            {
                "currency": "usd",
                "product": self.product.id,
                "unit_amount": amount,
                "recurring": {"interval": "month"},
                "lookup_key": lookup_key,
            }
        )

    def customer(self, card: str = "pm_card_visa", test_clock: str | None = None) -> Customer:
        """A customer whose default card is `card`."""
        customer = self.stripe.v1.customers.create(
            {"email": "a@example.com", **({"test_clock": test_clock} if test_clock else {})}
        )
        method = self.stripe.v1.payment_methods.attach(card, {"customer": customer.id})
        return self.stripe.v1.customers.update(
            customer.id, {"invoice_settings": {"default_payment_method": method.id}}
        )

    def subscribe(self, customer: Customer, **more: Any) -> Subscription:  # noqa: ANN401 - any parameter
        """A subscription of the small plan."""
        params: Any = {"customer": customer.id, "items": [{"price": self.small.id}], **more}
        return self.stripe.v1.subscriptions.create(params)

    def use(self, customer: Customer, value: int, identifier: str, at: datetime | None = None) -> None:
        """Tell the meter what a customer used."""
        params: Any = {
            "event_name": "switch",
            "payload": {"stripe_customer_id": customer.id, "value": str(value)},
            "identifier": identifier,
            "timestamp": int((at or START).timestamp()),
        }
        self.stripe.v1.billing.meter_events.create(params)

    def invoices(self, customer: Customer) -> list[Invoice]:
        """A customer's invoices, oldest first."""
        return self.stripe.v1.invoices.list({"customer": customer.id}).data[::-1]

    def events(self, *kinds: str) -> list[str]:
        """The types of the events so far, oldest first, of the given beginnings."""
        found = self.stripe.v1.events.list({"limit": 100}).data[::-1]
        return [event.type for event in found if event.type.startswith(kinds)]


class Host:
    """One server for all tests, behind which each puts an application of its own.

    Starting and stopping a server takes longer than most tests.
    """

    def __init__(self) -> None:
        self._listener, self.url = listen()
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self._server = uvicorn.Server(
            uvicorn.Config(self._answer, interface="asgi3", lifespan="off", log_level="error")
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.005)

    @contextmanager
    def serving(self, app: Starlette) -> Iterator[str]:
        """Serve `app`, from its start-up to its shut-down; yields its URL."""
        self._app = app
        lifespan = app.router.lifespan_context(app)
        asyncio.run_coroutine_threadsafe(lifespan.__aenter__(), self._loop).result(5)
        yield self.url
        asyncio.run_coroutine_threadsafe(lifespan.__aexit__(None, None, None), self._loop).result(5)

    def stop(self) -> None:
        """Shut the server down."""
        self._server.should_exit = True
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._listener])

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
