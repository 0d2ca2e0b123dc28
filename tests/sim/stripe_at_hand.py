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
KEY = "sk_test_simulated"
ROUTES = gather(noun.routes for noun in NOUNS)


class StripeAtHand:
    """A Stripe account whose time is moved stop by stop, and what it tells."""

    def __init__(self, start: datetime, tell: Callable[[Event], None]) -> None:
        self.clock = SandboxClock(frozen_at=start)
        self.account = Account(clock=self.clock, public_url="http://stripe", background=Background())
        self.account.agendas = AGENDAS
        self.account.tell = tell
        self.api = Api(self.account, ROUTES)

    def client(self, weather: Weather | None = None) -> StripeClient:
        """Return the SDK's client, to which nothing or everything may happen."""
        return StripeClient(
            KEY, max_network_retries=0, http_client=InProcess(self.api, weather), base_addresses={}
        )

    def sell(self, catalogue: Catalogue) -> None:
        """Create the catalogue's products and prices."""
        stripe = StripeCatalogue(self.client())
        now = self.clock.now()
        for step in plan(catalogue, stripe.read([*wanted(catalogue)]), now):
            stripe.take(step, now)

    def next_due(self) -> datetime | None:
        """Return when Stripe will do something by itself."""
        due = agenda.next_due(self.account)
        return None if due is None else at(due)

    def move(self, to: datetime) -> None:
        """Let it be later, and do what falls due then."""
        self.clock.set(max(to, self.clock.now()))
        agenda.do_due(self.account)


class InProcess(sdk.HTTPClient):
    """Takes the SDK's requests to the stand-in's door without a network; the weather strikes on the way."""

    name = "in process"

    def __init__(self, api: Api, weather: Weather | None) -> None:
        super().__init__()
        self._api = api
        self._weather = weather

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,  # noqa: ANN401 - the SDK's
        **_: object,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send a request, and return the answer's body, status and headers."""
        weather = self._weather
        self._api.faults.all.clear()
        if weather:
            weather.may_die("before Stripe")
            if weather.is_away("Stripe"):
                weather.marks["calls while Stripe is away"] += 1
                raise sdk.APIConnectionError("Stripe is away")  # type: ignore[no-untyped-call]
            if weather.strikes(weather.climate.stripe_fails):
                answer, effect = weather.drawn(WRONG)
                weather.marks[f"Stripe: {answer} {effect}"] += 1
                self._api.faults.all.append(Fault(answer=answer, effect=effect))  # type: ignore[arg-type]
        told = False
        try:
            answered = self._answer(method, url, headers or {}, post_data)
            if weather:
                weather.may_die("after Stripe")
            told = answered[1] < HTTPStatus.BAD_REQUEST
        finally:
            if weather and url.endswith("/add_lines") and not told:
                weather.marks["lines asked for without an answer"] += 1
        return answered

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
        answering = self._api.handle(Request(scope, receive))
        try:
            answering.send(None)
        except StopIteration as done:
            response = done.value
        else:
            raise AssertionError("the stand-in waits for something")
        if isinstance(response, LostResponse):
            raise sdk.APIConnectionError("the answer was lost")  # type: ignore[no-untyped-call]
        return bytes(response.body).decode(), response.status_code, dict(response.headers)

    def close(self) -> None:
        """Nothing is open."""


def facts_of(thing: sdk.StripeObject) -> dict[str, Any]:
    """Return an object as JSON has it, which no SDK is needed to read."""
    found: dict[str, Any] = json.loads(json.dumps(thing.to_dict(recursive=True), default=str))
    return found
