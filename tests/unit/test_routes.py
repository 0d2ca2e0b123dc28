"""How a record, a quota check, a webhook's event, a period's end and a click pass through the code: downward.

A module that leads on is entered once: whoever reads a route reads each of its files once, top to bottom.
What is only asked is not led through: the ledger's books, Stripe and its invoices may be asked again, since
what is decided is read, asked and written (DESIGN rule 10), but by one room alone. What only computes answers
anybody.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from stripe import WebhookSignature

from functions.dashboard.app import handler as dashboard
from functions.quota.app import handler as quota
from functions.reporter.app import handler as reporter
from functions.stripe_events.app import handler as stripe_events
from functions.stripe_webhook.app import handler as stripe_webhook
from functions.usage_intake.app import handler as usage_intake
from functions.usage_tracker.app import handler as usage_tracker
from tests.examples import END, NOW, SUBSCRIPTION
from tests.fakes.api_gateway import SERVICE_CLAIMS, call
from tests.fakes.runtime import SECRET, FakeContext, made_of
from tests.fakes.sqs import FakeSqs
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import METADATA, invoice, snapshot
from tests.fakes.table import MemoryTable
from tests.unit.docs.documents import code, table
from tollkeeper.api import replies
from tollkeeper.api.browsers import Address, csrf_token
from tollkeeper.ledger.sessions import SESSION_LIFETIME, Sessions
from tollkeeper.rules.times import epoch, iso

STRIPE = "tests.fakes.stripe"
"""The module that stands for Stripe's port."""

OURS = ("functions.", "tollkeeper.", STRIPE)

ONLY_ASKED = ("tollkeeper.ledger.", "tollkeeper.views.invoices", STRIPE)

ONLY_COMPUTES = (
    "tollkeeper.api.browsers",
    "tollkeeper.api.dashboard.shown",
    "tollkeeper.catalogue.",
    "tollkeeper.clock",
    "tollkeeper.ledger.answer_rows",
    "tollkeeper.ledger.bill_rows",
    "tollkeeper.ledger.day_marks",
    "tollkeeper.ledger.decision_rows",
    "tollkeeper.ledger.entry_rows",
    "tollkeeper.ledger.keys",
    "tollkeeper.ledger.lines",
    "tollkeeper.ledger.listing",
    "tollkeeper.ledger.open_rows",
    "tollkeeper.ledger.pace",
    "tollkeeper.ledger.patience",
    "tollkeeper.ledger.record_rows",
    "tollkeeper.ledger.rows",
    "tollkeeper.ledger.sizes",
    "tollkeeper.ledger.table",
    "tollkeeper.ledger.transactions",
    "tollkeeper.pages.notation",
    "tollkeeper.pages.writing",
    "tollkeeper.rules.",
    "tollkeeper.queues",
    "tollkeeper.runtime",
    "tollkeeper.secrets",
    "tollkeeper.settings",
    "tollkeeper.telemetry",
    "tollkeeper.usage.messages",
    "tollkeeper.usage.records",
    "tollkeeper.views.stripe_bills",
    "tollkeeper.views.metrics",
)
"""Rules, vocabularies, and what a function is made of: they lead nowhere."""


class Entry(NamedTuple):
    """A call from one module into another; of the first module of ours, `by` is None."""

    module: str
    by: str | None


def walk(route: Callable[[], object]) -> list[Entry]:
    """Pass a route, and return each entry of a module that leads on or is asked, in their order.

    What Python calls by itself is none: the making of objects, a generator that goes on, a module's import.
    """
    entries: list[Entry] = []
    seen: set[FrameType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        module = _module(frame)
        if event != "call" or not module.startswith(OURS) or frame in seen:
            return
        seen.add(frame)
        is_pythons_own = (
            frame.f_code.co_name.startswith(("__", "<")) or frame.f_code.co_filename == "<string>"
        )
        if is_pythons_own or module.startswith(ONLY_COMPUTES):
            return
        callers = [each for each in _beneath(frame) if _module(each).startswith(OURS)]
        if callers and _module(callers[0]) == module:
            return
        if not any(each.f_code.co_name == "<module>" for each in callers):
            entries.append(Entry(module, _module(callers[0]) if callers else None))

    sys.setprofile(note)
    try:
        route()
    finally:
        sys.setprofile(None)
    return entries


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _beneath(frame: FrameType) -> Iterator[FrameType]:
    while frame.f_back:
        frame = frame.f_back
        yield frame


def order(entries: list[Entry]) -> list[str]:
    """Return the modules of a walk as they were first entered: functions by their folder."""
    named = ["Stripe" if each.module == STRIPE else each.module for each in entries]
    return list(dict.fromkeys(each.removesuffix(".app").removeprefix("tollkeeper.") for each in named))


def turns_back(entries: list[Entry]) -> list[str]:
    """Return the modules that a walk enters again, or asks from more than one room."""
    entered: dict[str, list[str]] = defaultdict(list)
    for each in entries:
        entered[each.module].append(".".join((each.by or "outside").split(".")[:2]))
    return [
        f"{module} is entered from {', '.join(rooms)}"
        for module, rooms in entered.items()
        if len(set(rooms) if module.startswith(ONLY_ASKED) else rooms) > 1
    ]


@dataclass(frozen=True, slots=True)
class House:
    """The functions and what stands outside of them: nothing has happened yet but that Ada paid."""

    table: MemoryTable = field(default_factory=MemoryTable)
    sqs: FakeSqs = field(default_factory=FakeSqs)
    stripe: FakeStripe = field(default_factory=lambda: FakeStripe(SUBSCRIPTION))

    def call(
        self, function: Callable[..., object], event: dict[str, Any], now: datetime = NOW
    ) -> list[Entry]:
        """Call a function at a time, as Lambda does, and return how its route was walked."""
        with made_of(self.table, self.sqs, self.stripe, now):
            return walk(lambda: function(event, FakeContext()))

    def deliver(self, function: Callable[..., object], body: object) -> list[Entry]:
        """Call a function with a message of its queue."""
        message = {
            "messageId": "m-1",
            "receiptHandle": "r-1",
            "eventSource": "aws:sqs",
            "attributes": {"SentTimestamp": str(1_000 * epoch(NOW)), "ApproximateReceiveCount": "1"},
            "body": json.dumps(body),
        }
        return self.call(function, {"Records": [message]})

    def report(self) -> list[Entry]:
        """Report a usage record of Ada's."""
        with made_of(self.table, self.sqs, self.stripe, NOW):
            return walk(lambda: call(usage_intake, "POST", "/usage", {"records": [record()]}))

    def track(self, quantity: int = 1) -> list[Entry]:
        """Deliver a usage record of Ada's."""
        return self.deliver(usage_tracker, {"records": [record(quantity)], "acceptedAt": iso(NOW)})

    def ask(self, route: str, **request: object) -> list[Entry]:
        """Ask about exports."""
        asked = {"routeKey": route, "pathParameters": {"eventType": "exports"}, **request}
        authorizer = {"jwt": {"claims": SERVICE_CLAIMS}}
        return self.call(quota, {**asked, "requestContext": {"authorizer": authorizer}})

    def click(self, route: str, **form: str) -> list[Entry]:
        """Click on Ada's page, in a browser that has just come by a link; cookies go by the real time."""
        sessions, now = Sessions(self.table), datetime.now(UTC)
        given = sessions.begin(sessions.link("ada", now, may_buy=True), now)
        shown = Address("https://api.test/dashboard", is_secure=True).cookie(given, SESSION_LIFETIME)
        method, path = route.split()
        context = {"domainName": "api.test", "http": {"method": method}}
        event = {
            "routeKey": route,
            "rawPath": path,
            "requestContext": context,
            "cookies": [shown.partition(";")[0]],
            "body": urlencode({"csrf": csrf_token(given.secret), **form}),
        }
        return self.call(dashboard, event)

    def receive(self, event: dict[str, Any]) -> list[Entry]:
        """Send an event as Stripe does, which signs at the real time."""
        body = json.dumps(event)
        header = WebhookSignature.generate_signature_header(body, SECRET, int(datetime.now(UTC).timestamp()))
        return self.call(stripe_webhook, {"headers": {"stripe-signature": header}, "body": body})

    def follow(self, event: dict[str, Any]) -> list[Entry]:
        """Deliver an event of Stripe's."""
        return self.deliver(stripe_events, event)

    def close(self) -> list[Entry]:
        """Close what has ended an hour after the end of Ada's period."""
        return self.call(reporter, {}, END + timedelta(hours=1))


def record(quantity: int = 1) -> dict[str, object]:
    """Return a usage record as a service sends it."""
    return {"id": f"evt-{quantity}", "userId": "ada", "eventType": "apiCalls", "quantity": quantity}


@pytest.fixture
def home() -> House:
    """A house in which Ada has subscribed."""
    home = House()
    home.stripe.create_customer("ada")
    home.follow(SUBSCRIBED)
    return home


SUBSCRIBED = snapshot("customer.subscription.created", metadata=METADATA)

AFTERWARDS = ("functions.announcer", "announcements.", "stripe.gateway")
"""What the documents' walks go on to: the stream's announcements, and Stripe itself."""

type Route = Callable[[House], list[Entry]]


def check(home: House) -> list[Entry]:
    """Ask what Ada has left."""
    return home.ask("GET /quota/{eventType}", queryStringParameters={"userId": "ada"})


def consume(home: House) -> list[Entry]:
    """Consume one."""
    return home.ask("POST /quota/{eventType}/consume", body='{"userId": "ada", "id": "wish-1"}')


def over_and_closed(home: House) -> list[Entry]:
    """Close a period with overage."""
    home.track(10_001)
    return home.close()


PAGE = (
    "functions.dashboard → ledger.sessions → api.dashboard.looking → views.dashboard → ledger.history"
    " → views.subscription → views.bills_at_stripe → ledger.stripe_answers → views.invoices → Stripe"
    " → pages.dashboard → api.browser_replies"
)
CAP = (
    "functions.dashboard → ledger.sessions → api.requests → api.dashboard.decisions → ledger.spending_caps"
    " → ledger.users → views.bills_at_stripe → ledger.stripe_answers → api.browser_replies"
)

INTAKE = (
    "api.resolver → api.authorization → api.requests → functions.usage_intake → usage.intake"
    " → usage.judgement → usage.queue → api.bodies.model"
)
TRACKER = (
    "functions.usage_tracker → usage.tracker → usage.judgement → usage.batch → ledger.tracking"
    " → ledger.counting → ledger.users → usage.queue"
)
CHECK = (
    "functions.quota → api.authorization → api.quota_requests → quota.quota → ledger.consuming → ledger.users"
    " → api.quota_replies → api.replies"
)
CONSUME = CHECK.replace("api.quota_requests", "api.quota_requests → api.requests")
WEBHOOK = "functions.stripe_webhook → stripe.webhook → stripe.signature → stripe.event_queue → api.replies"
EVENT = (
    "functions.stripe_events → stripe.events → subscriptions.event_batch → subscriptions.stripe_events"
    " → Stripe → subscriptions.synchronisation → ledger.users → stripe.event_queue"
)
REPORTER = (
    "functions.reporter → periods.reporter → ledger.closing → ledger.bills → periods.settling → usage.queue"
    " → periods.closing → periods.charging → Stripe"
)

ROUTES: dict[str, tuple[Route, str]] = {
    "a usage record is taken in": (House.report, INTAKE),
    "a usage record is counted": (House.track, TRACKER),
    "quota is checked": (check, CHECK),
    "quota is consumed": (consume, CONSUME),
    "the page is opened": (lambda home: home.click("GET /dashboard"), PAGE),
    "a cap is set on the page": (lambda home: home.click("POST /dashboard/cap", amount="50"), CAP),
    "an event is taken in": (lambda home: home.receive(SUBSCRIBED), WEBHOOK),
    "a subscription's event is followed": (lambda home: home.follow(SUBSCRIBED), EVENT),
    "a payment's event is followed": (lambda home: home.follow(invoice("invoice.paid")), EVENT),
    "a period ends": (over_and_closed, REPORTER),
}
"""Each route, and its modules in the order in which they are passed."""

WALKS = {
    "The walk of a usage record": (INTAKE, TRACKER),
    "The walk of a quota check": (CHECK,),
    "The walk of a webhook's event": (WEBHOOK, EVENT),
    "The walk of a cent of overage": (TRACKER, REPORTER),
    "The walk of a click on the page": (PAGE,),
}
"""The routes that docs/architecture.md follows, section by section."""


@pytest.mark.parametrize(("route", "expected"), ROUTES.values(), ids=ROUTES)
def test_a_route_reads_downward(home: House, route: Route, expected: str) -> None:
    """No module that leads on is left and entered again."""
    entries = route(home)
    assert (expected, []) == (" → ".join(order(entries)), turns_back(entries))


@pytest.mark.parametrize("section", WALKS)
def test_the_documents_follow_the_routes(section: str) -> None:
    """docs/architecture.md names the files of a route in the order in which they are passed."""
    passed = " → ".join(WALKS[section]).split(" → ")
    files = [code(cells[0]) for cells in table("docs/architecture.md", section)]
    named = [each.removesuffix(".py").removesuffix("/app").replace("/", ".") for each in files]
    listed = [each.removeprefix("shared.tollkeeper.") for each in named]
    followed = [each for each in listed if each in passed]
    remaining = iter(passed)
    assert [] == [each for each in followed if each not in remaining]
    left = [each for each in listed if each not in passed]
    assert [] == [each for each in left if not each.startswith(("rules.", *AFTERWARDS))]


def test_a_module_that_is_entered_again_is_seen() -> None:
    """Whoever leads through a module twice is told so."""
    assert ["tollkeeper.api.replies is entered from outside, outside"] == turns_back(walk(back_and_forth))


def back_and_forth() -> None:
    """Enter a module, leave it, and enter it again."""
    replies.not_found()
    replies.not_found()


@pytest.mark.parametrize(("rooms", "found"), [(["quota", "quota"], 0), (["quota", "usage"], 1)])
def test_what_is_asked_is_asked_by_one_room(rooms: list[str], found: int) -> None:
    """A book may be asked again by whoever decides, and not by another beside."""
    asked = [Entry("tollkeeper.ledger.users", f"tollkeeper.{room}.module") for room in rooms]
    assert found == len(turns_back(asked))
