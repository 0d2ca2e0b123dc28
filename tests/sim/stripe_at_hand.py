"""Stripe in this very process: the unmodified SDK, whose requests the stand-in's own handlers answer."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import stripe as sdk
from starlette.requests import Request
from stripe import Event, StripeClient

from infra.operate.stripe_catalogue.gateway import StripeCatalogue
from infra.operate.stripe_catalogue.planning import plan, wanted
from infra.stripe_standin.account.background import Background
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.app import AGENDAS, NOUNS
from infra.stripe_standin.clocks import agenda
from infra.stripe_standin.clocks.sandbox_clock import SandboxClock, at
from infra.stripe_standin.server.api import Api, LostResponse, gather
from infra.stripe_standin.server.faults import Fault
from tests.sim.weather import Weather
from tollkeeper.catalogue import Catalogue
from tollkeeper.stripe.gateway import NETWORK_RETRIES, PATIENCE_SECONDS, TIMEOUT_SECONDS
from tollkeeper.stripe.gateway.patient_client import PatientClient

WRONG = (
    ("500", "before"),
    ("500", "after"),
    ("lost", "before"),
    ("lost", "after"),
    ("lock_timeout", "before"),
    ("lock_timeout", "after"),
    ("429", "before"),
    ("endpoint-concurrency", "before"),
)
HOW_OFTEN = (1, 1, 3, 9)
"""So many times the same request meets with the same: the SDK repeats what gets no answer twice."""

SELDOM = ("/add_lines", "/remove_lines", "/v1/invoices")
WORSE = 8
"""So much worse is the weather where lines are written, for a seed writes few."""

KEY = "sk_test_simulated"
ROUTES = gather(noun.routes for noun in NOUNS)

type Spend = Callable[[float], None]


class AtOnce(Background):
    """What Stripe does a moment later, such as reading meter events: here it is done when it is asked for."""

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do it."""
        del seconds
        act()


class StripeAtHand:
    """A Stripe account whose time is moved stop by stop, and what it tells."""

    def __init__(self, start: datetime, tell: Callable[[Event], None]) -> None:
        self.clock = SandboxClock(frozen_at=start)
        self.account = Account(clock=self.clock, public_url="http://stripe", background=AtOnce())
        self.account.agendas = AGENDAS
        self.account.tell = tell
        self.api = Api(self.account, ROUTES)
        self.added: dict[str, set[str]] = {"answered": set(), "unanswered": set()}
        self._due: list[int | None] = []

    def client(self) -> StripeClient:
        """Return the SDK's client of somebody to whom nothing goes wrong."""
        wire = Wire(timeout=TIMEOUT_SECONDS)
        wire.stripe = self
        return StripeClient(KEY, max_network_retries=0, http_client=wire)

    def connect(
        self, weather: Weather, spend: Spend, patience_seconds: float = PATIENCE_SECONDS
    ) -> StripeClient:
        """Return the SDK's client as the product makes it, to which everything may go wrong."""
        wire = PatientWire(TIMEOUT_SECONDS, patience_seconds, sleep=spend)
        wire.stripe, wire.weather, wire.spend = self, weather, spend
        return StripeClient(KEY, max_network_retries=NETWORK_RETRIES, http_client=wire)

    def sell(self, catalogue: Catalogue) -> None:
        """Create the catalogue's products and prices, or change them, as `stripe_catalogue apply` does."""
        stripe = StripeCatalogue(self.client())
        now = self.clock.now()
        for step in plan(catalogue, stripe.read([*wanted(catalogue)]), now):
            stripe.take(step, now)

    def touched(self) -> None:
        """Forget what falls due when: something was changed."""
        self._due.clear()

    def next_due(self) -> datetime | None:
        """Return when Stripe will do something by itself."""
        if not self._due:
            self._due.append(agenda.next_due(self.account))
        (due,) = self._due
        return None if due is None else at(due)

    def move(self, to: datetime) -> None:
        """Let it be later, and do what falls due then."""
        due = self.next_due()
        self.clock.set(max(to, self.clock.now()))
        if due is not None and due <= self.clock.now():
            agenda.do_due(self.account)
            self.touched()

    def acknowledge(self, event: Event) -> None:
        """Note that an event was taken in."""
        event.pending_webhooks = 0
        if self.account.unacknowledged.pop(event.id, None):
            self.touched()

    def lines_on(self, invoice: str) -> int:
        """Return how many lines an invoice has; 0 if there is none."""
        found = self.account.find(sdk.Invoice, invoice)
        return len(found.lines.data) if found else 0


class Wire(sdk.RequestsClient):
    """Takes the SDK's requests to the stand-in's door without a network; the weather strikes on the way."""

    name = "in process"
    stripe: StripeAtHand
    weather: Weather | None = None
    spend: Spend = staticmethod(lambda _: None)
    _again: tuple[str, int, tuple[str, str]] = ("", 0, ("", ""))

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,  # noqa: ANN401 - the SDK's
        **_: object,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send a request, and return the answer's body, status and headers."""
        api, weather = self.stripe.api, self.weather
        api.faults.all.clear()
        is_seldom = url.endswith(SELDOM)
        self.spend(0.1)
        if weather:
            weather.may_die("before Stripe")
            if weather.is_away("Stripe"):
                weather.marks["calls while Stripe is away"] += 1
                raise sdk.APIConnectionError("Stripe is away", should_retry=True)  # type: ignore[no-untyped-call]
            if drawn := self._drawn(weather, f"{method} {url}", WORSE if is_seldom else 1):
                answer, effect = drawn
                api.faults.all.append(Fault(answer=answer, effect=effect))  # type: ignore[arg-type]
        invoice = urlsplit(url).path.split("/")[-2] if url.endswith("/add_lines") else ""
        lines, told = self.stripe.lines_on(invoice) if invoice else 0, False
        try:
            answered = self._answer(method, url, headers or {}, post_data)
            if weather:
                weather.may_die("after Stripe", WORSE if is_seldom else 1)
            told = answered[1] < HTTPStatus.BAD_REQUEST
        finally:
            if invoice and weather:
                weather.marks["lines asked for without an answer"] += not told
                if told:
                    self.stripe.added["answered"].add(invoice)
                elif self.stripe.lines_on(invoice) > lines:
                    self.stripe.added["unanswered"].add(invoice)
        return answered

    def _drawn(self, weather: Weather, request: str, times: int) -> tuple[str, str] | None:
        """Return what goes wrong with a request, if something does: perhaps what just did."""
        known, left, drawn = self._again
        if known == request and left and not weather.is_calm:
            self._again = (known, left - 1, drawn)
            return drawn
        if not weather.strikes(min(0.5, weather.climate.stripe_fails * times)):
            return None
        drawn = weather.drawn(WRONG)
        self._again = (request, weather.drawn(HOW_OFTEN) - 1, drawn)
        weather.marks[f"Stripe: {' '.join(drawn)}"] += 1
        return drawn

    def _answer(
        self, method: str, url: str, headers: Mapping[str, str], post_data: object
    ) -> tuple[str, int, Mapping[str, str]]:
        parts = urlsplit(url)
        body = post_data.encode() if isinstance(post_data, str) else b""

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        scope = {
            "type": "http",
            "method": method.upper(),
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": [(name.lower().encode(), str(value).encode()) for name, value in headers.items()],
        }
        if method.upper() != "GET":
            self.stripe.touched()
        answering = self.stripe.api.handle(Request(scope, receive))
        try:
            answering.send(None)
        except StopIteration as done:
            response = done.value
        else:
            raise AssertionError("the stand-in waits for something")
        if isinstance(response, LostResponse):
            raise sdk.APIConnectionError("the answer was lost", should_retry=True)  # type: ignore[no-untyped-call]
        return bytes(response.body).decode(), response.status_code, dict(response.headers)

    def close(self) -> None:
        """Nothing is open."""


class PatientWire(PatientClient, Wire):
    """The product's own client of the SDK, which waits out 429s, over that wire."""


def facts_of(thing: sdk.StripeObject) -> dict[str, Any]:
    """Return an object as JSON has it, which no SDK is needed to read."""
    found: dict[str, Any] = json.loads(json.dumps(thing.to_dict(recursive=True), default=str))
    return found
