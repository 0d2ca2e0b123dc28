"""The webhook's way may break off anywhere; Stripe and the queue repeat, and all ends as if nothing had been.

The case is the one with the most calls: Ada, who subscribes already, has paid for a second subscription, and
yet another page is open. Stripe tells of the session and of the payment.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import product
from typing import Any, cast

import pytest
from stripe import WebhookSignature

from tests.examples import NOW, OFFER, START, SUBSCRIPTION
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import METADATA, invoice, snapshot
from tests.fakes.table import MemoryTable
from tests.ledger.crashes import Beyond, Crash, CrashingTable, Moment, Outside
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.table import Row
from tollkeeper.ledger.users import Users
from tollkeeper.rules.subscriptions import Cause
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.port import CheckoutOrder, Stripe
from tollkeeper.stripe.webhook import Delivery, EventQueue, Receipt, receive
from tollkeeper.subscriptions.stripe_events import StripeEvents

SECRET = "whsec_test"
MOMENTS = list(Moment)
SECOND = replace(SUBSCRIPTION, id="sub_second", created=START + timedelta(hours=1))
ORDER = CheckoutOrder("ada", "cus_ada", "professional", 0, "https://app.test", "https://app.test")
EVENTS = [
    snapshot("checkout.session.completed", "evt_1", metadata=METADATA),
    invoice("invoice.paid", "evt_2"),
]
CALLS = [
    "put evt_1",
    "put evt_2",
    # the first event finds the duplicate, ends it, and begins again …
    "is_of_this_account evt_1",
    "user_of cus_ada",
    "query PERIOD…PROFILE",
    "subscriptions_of cus_ada",
    "cancel_subscription sub_second duplicate",
    "query PERIOD…PROFILE",
    "subscriptions_of cus_ada",
    "transact 1 puts, 5 changes",  # the trail; row, period, the duplicate's entry, two announcements
    "open_checkout_sessions cus_ada",
    "expire_checkout_session cs_1",
    # … the second finds nothing new but the payment
    "is_of_this_account evt_2",
    "user_of cus_ada",
    "query PERIOD…PROFILE",
    "subscriptions_of cus_ada",
    "transact 0 puts, 3 changes",  # row, period, and again what is written once about the duplicate
    "transact 0 puts, 1 changes",  # the announcement
]
"""Every outside call from Stripe's first delivery on: whoever adds one sees this fail."""


class Queue:
    """SQS, as far as it matters: what was put there is there until it was followed."""

    def __init__(self) -> None:
        self.waiting: list[str] = []

    def put(self, event: str) -> bool:
        """Keep an event."""
        self.waiting.append(event)
        return True


class Named:
    """A queue whose calls are named by the event."""

    def __init__(self, queue: Queue, outside: Outside) -> None:
        self._queue = queue
        self._outside = outside

    def put(self, event: str) -> bool:
        """Keep an event, if the outside lets it through."""
        with self._outside.call(f"put {json.loads(event)['id']}"):
            return self._queue.put(event)


@dataclass
class World:
    """What outlives a process: Stripe with what it has yet to deliver, the queue, the table."""

    undelivered: list[dict[str, Any]] = field(default_factory=lambda: list(EVENTS))
    queue: Queue = field(default_factory=Queue)
    table: MemoryTable = field(default_factory=MemoryTable)
    stripe: FakeStripe = field(default_factory=lambda: FakeStripe(SUBSCRIPTION, SECOND))

    def __post_init__(self) -> None:
        self.stripe.create_customer("ada")
        self.stripe.create_checkout_session(ORDER)

    def run(self, outside: Outside) -> None:
        """Deliver and follow what there is, once each, until the process dies."""
        for event in list(self.undelivered):
            body = json.dumps(event)
            header = WebhookSignature.generate_signature_header(body, SECRET, int(NOW.timestamp()))
            queue: EventQueue = Named(self.queue, outside)
            assert Receipt.QUEUED is receive(Delivery(body, header, in_base64=False), SECRET, queue, NOW)
            self.undelivered.remove(event)
        table = CrashingTable(self.table, outside)
        stripe_events = StripeEvents(
            Users(table),
            Bills(table),
            cast("Stripe", Beyond(self.stripe, outside)),
            OFFER,
            "live",
        )
        for message in list(self.queue.waiting):
            stripe_events.follow(StripeEvent.read(message), NOW)
            self.queue.waiting.remove(message)

    def rows(self, prefix: str) -> Iterator[Row]:
        """Ada's rows of one kind."""
        return (row for key, row in self.table.rows.items() if key.sk.startswith(prefix))

    @property
    def outcome(self) -> dict[str, object]:
        """All that must be the same in the end: the row but for its revision, the trail, what was told."""
        user = Users(self.table).read("ada", NOW)
        return {
            "user": replace(user, rev=0),
            "trail": sorted(
                f"{row['action']} {row['entityId']} {row['details']}" for row in self.rows("AUDIT")
            ),
            "announced": sorted(
                f"{row['kind']} {row['id']} {row['detail']}" for row in self.rows("ANNOUNCEMENT")
            ),
            "at Stripe": (self.stripe.held, set(self.stripe.canceled), set(self.stripe.expired)),
            "waiting": (self.undelivered, self.queue.waiting),
        }


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, object]:
    """How it ends when nobody dies."""
    world = World()
    world.run(Outside())
    return world.outcome


def test_undisturbed_it_ends_as_it_should(undisturbed: dict[str, object]) -> None:
    """The second subscription is cancelled, audited and announced, the other page closed, nothing waits."""
    held, canceled, expired = cast("tuple[list[Any], set[Any], set[str]]", undisturbed["at Stripe"])
    assert ({("sub_second", Cause.DUPLICATE)}, {"cs_1"}) == (canceled, expired)
    assert [None, NOW] == [each.ended_at for each in held]
    assert ["SUBSCRIPTION_CREATED", "SUBSCRIPTION_DUPLICATE_CANCELED"] == [
        str(line).split()[0] for line in cast("list[str]", undisturbed["trail"])
    ]
    assert ["payment.succeeded", "subscription.activated", "subscription.changed"] == [
        str(line).split()[0] for line in cast("list[str]", undisturbed["announced"])
    ]
    assert ([], []) == undisturbed["waiting"]


def test_every_outside_call_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """One run makes just the calls at which the other tests let it die."""
    outside = Outside()
    World().run(outside)
    with capsys.disabled():
        print("\nCrash points of the webhook, each before and after:", *outside.calls, sep="\n  ")  # noqa: T201
    assert CALLS == outside.calls


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("point", range(len(CALLS)))
def test_a_crash_changes_nothing(undisturbed: dict[str, object], point: int, moment: Moment) -> None:
    """Stripe delivers again what was not acknowledged, the queue what was not followed."""
    world = World()
    with pytest.raises(Crash):
        world.run(Outside(point, moment))
    world.run(Outside())
    assert undisturbed == world.outcome


def test_two_crashes_change_nothing(undisturbed: dict[str, object]) -> None:
    """Dying twice, at any two points, is no different."""
    for first, second in product(product(range(len(CALLS)), MOMENTS), repeat=2):
        world = World()
        with pytest.raises(Crash):
            world.run(Outside(*first))
        with suppress(Crash):  # a second run has fewer calls to die at, as far as the first came
            world.run(Outside(*second))
        world.run(Outside())
        assert undisturbed == world.outcome
