"""The functions as Lambda and API Gateway call them: their own handlers, made of what is simulated."""

import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import parse_qs

from stripe import StripeClient

from tests.examples import ENVIRONMENT
from tests.fakes.api_gateway import SERVICE_CLAIMS
from tests.fakes.runtime import FakeContext, forget
from tests.ledger.tables import template
from tests.sim.queues import SimulatedBus, SimulatedSqs
from tests.sim.stripe_at_hand import KEY
from tests.sim.tables import StormyTable
from tollkeeper import runtime
from tollkeeper.announcements.announcer import EventBus
from tollkeeper.catalogue import Catalogue
from tollkeeper.clock import WallClock
from tollkeeper.ledger.patience import Patience
from tollkeeper.runtime import announcements
from tollkeeper.settings import Settings
from tollkeeper.subscriptions import event_workers
from tollkeeper.telemetry import metrics

FUNCTIONS = (
    *("announcer", "checkout", "coverage", "dashboard", "invoices", "portal", "quota", "reader"),
    *("reconciler", "reporter", "stripe_events", "stripe_webhook", "subscriptions", "sweep"),
    *("usage_intake", "usage_mirror", "usage_tracker"),
)
WEBHOOK_SECRET = "whsec_simulated"
ORIGIN = "https://app.example"

DEPLOYED: Mapping[str, str] = {
    **ENVIRONMENT,
    "STAGE": "dev",
    "ALLOWED_ORIGINS": ORIGIN,
    "BILL_OVERAGE_FROM": "2000-01-01",
    # So slow that nobody works beside: one thing after the other is a story that can be told again.
    "STRIPE_CALLS_PER_SECOND": "1",
}


def _resource(function: str) -> str:
    return "".join(each.capitalize() for each in function.split("_"))


TEMPLATE = template()
SECONDS = {
    each: int(TEMPLATE["Resources"][_resource(each)]["Properties"].get("Timeout", 15)) for each in FUNCTIONS
}
"""How long each function may take, by the template."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What a deployment is made of: all that stands outside the functions."""

    now: Callable[[], datetime]
    catalogue: Callable[[], Catalogue]
    table: StormyTable
    sqs: SimulatedSqs
    bus: SimulatedBus
    connect: Callable[..., StripeClient]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller of the API gets."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Deployment:
    """All functions over one table. What a call takes is told to `spend`, and counts against its time."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = Settings.from_environment({**DEPLOYED, **settings})
        self._spent = 0.0
        self._handlers = {each: import_module(f"functions.{each}.app").handler for each in FUNCTIONS}
        self.called: set[str] = set()

    def spend(self, seconds: float) -> None:
        """Let a call's time pass. The one clock stands meanwhile: a story is told in whole steps."""
        self._spent += seconds

    @contextmanager
    def standing(self, outside: Outside) -> Iterator[None]:
        """Let the functions be made of what is handed in, and know no other clock."""
        now = SimpleNamespace(now=lambda *_: outside.now(), fromtimestamp=datetime.fromtimestamp)
        clock = SimpleNamespace(now=outside.now, at=lambda wall: wall)
        made_of: dict[str, Callable[..., object]] = {
            "settings": lambda: self._settings,
            "catalogue": outside.catalogue,
            "clock_at": lambda _: clock,
            "table": lambda: outside.table,
            "sqs": lambda: outside.sqs,
            "secrets": lambda: SimpleNamespace(read=self._secret),
        }
        with ExitStack() as stack, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Powertools, where there is nothing to count
            for name, part in made_of.items():
                stack.enter_context(patch.object(runtime, name, part))
            bus = EventBus(cast("Any", outside.bus), self._settings.event_bus_name)
            stack.enter_context(patch.object(announcements, "event_bus", lambda: bus))
            for where in ("concurrent.futures", event_workers.__name__):
                stack.enter_context(patch(f"{where}.ThreadPoolExecutor", OneAfterTheOther))
            stack.enter_context(patch("tollkeeper.stripe.gateway.connect", outside.connect))
            stack.enter_context(patch("functions.stripe_webhook.app.datetime", now))
            stack.enter_context(patch.object(WallClock, "now", lambda _: outside.now()))
            stack.enter_context(patch.object(time, "sleep", self.spend))
            stack.enter_context(patch.object(time, "monotonic", lambda: self._ticks(outside)))
            # A default that was bound when the module was read.
            stack.enter_context(patch.object(Patience.__init__, "__defaults__", (self.spend,)))
            stack.enter_context(patch.object(metrics.provider, "namespace", "Tollkeeper"))
            where = "aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch.print"
            stack.enter_context(patch(where, lambda *_: None, create=True))
            self.begin_anew()
            stack.callback(self.begin_anew)
            yield

    def begin_anew(self) -> None:
        """Let every function start cold, as after it died or was deployed."""
        forget()
        event_workers.side_by_side.cache_clear()

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what a handler returns
        """Call a function as Lambda does."""
        self.called.add(function)
        self._spent = 0.0
        return self._handlers[function](event, Context(lambda: SECONDS[function] - self._spent))

    def request(
        self,
        function: str,
        route: str,
        body: object = None,
        *,
        claims: Mapping[str, str] = SERVICE_CLAIMS,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        **parameters: str,
    ) -> Answer:
        """Send a request to a route of the template, whose parameters are named, as API Gateway does."""
        method, path = route.split(" ")
        for name, value in parameters.items():
            path = path.replace(f"{{{name}}}", value)
        http = {"method": method, "path": path, "sourceIp": "192.0.2.1", "userAgent": "simulation"}
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route,
            "rawPath": path,
            "rawQueryString": query,
            "queryStringParameters": {name: ",".join(each) for name, each in parse_qs(query).items()},
            "pathParameters": parameters,
            "headers": {"content-type": "application/json", **(headers or {})},
            "cookies": [],
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api",
                "domainName": "api.example",
                "domainPrefix": "api",
                "http": {**http, "protocol": "HTTP/1.1"},
                "requestId": "request-1",
                "routeKey": route,
                "stage": "$default",
                "time": "",
                "timeEpoch": 0,
                "authorizer": {"jwt": {"claims": claims, "scopes": None}},
            },
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = self.invoke(function, event)
        text = answer.get("body") or "null"
        is_json = "json" in json.dumps(answer["headers"]).lower()
        return Answer(answer["statusCode"], json.loads(text) if is_json else text, answer["headers"])

    def _secret(self, parameter: str) -> str:
        return KEY if parameter == self._settings.stripe_secret_key_parameter else WEBHOOK_SECRET

    def _ticks(self, outside: Outside) -> float:
        return outside.now().timestamp() + self._spent


class Context(FakeContext):
    """What Lambda tells a function of a call, with the time that is left of it."""

    def __init__(self, seconds_left: Callable[[], float]) -> None:
        self._seconds_left = seconds_left

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]
        """Return how much of its time a function has left."""
        return max(0, round(self._seconds_left() * 1000))


class OneAfterTheOther:
    """A pool that does one thing after the other, in the caller's own thread."""

    def __init__(self, _workers: int) -> None:
        self.map = map
