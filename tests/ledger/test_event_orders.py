"""Stripe's events come in any order and more than once: one final row, one story.

Stripe is at some state when an event is followed: at least at the one in which it sent the event. Of each
order two extremes are tried: all has happened before the first delivery, and nothing happens until it must.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, combinations, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import END, NOW, OFFER, START, SUBSCRIPTION
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import METADATA, customer, invoice, read, snapshot
from tests.fakes.table import MemoryTable
from tests.ledger.turns import Turns
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.table import Row, Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.times import iso
from tollkeeper.rules.users import User
from tollkeeper.subscriptions.stripe_events import StripeEvents
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

EVENTS = 5
NEXT_END = END + timedelta(days=31)

INCOMPLETE = replace(SUBSCRIPTION, status=Status.INCOMPLETE)
STARTER = replace(SUBSCRIPTION, plan="starter")
RENEWED = replace(SUBSCRIPTION, period_start=END, period_end=NEXT_END)


@dataclass(frozen=True)
class Course:
    """What happens at Stripe, one after another: each event, and what is true when Stripe sends it."""

    name: str
    before: Subscription | None
    steps: Sequence[tuple[dict[str, Any], Subscription | None]]
    trail: Sequence[str]
    announced: Sequence[str]


COURSES = [
    Course(
        "a new subscription",
        before=None,
        steps=[
            (customer("customer.created", "evt_0"), None),
            (snapshot("customer.subscription.created", "evt_1", metadata=METADATA), INCOMPLETE),
            (invoice("invoice.paid", "evt_2"), SUBSCRIPTION),
            (snapshot("customer.subscription.updated", "evt_3", metadata=METADATA), SUBSCRIPTION),
            (snapshot("checkout.session.completed", "evt_4", metadata=METADATA), SUBSCRIPTION),
        ],
        trail=["SUBSCRIPTION_CREATED"],
        announced=["payment.succeeded", "subscription.activated"],
    ),
    Course(
        "an upgrade and a renewal",
        before=STARTER,
        steps=[
            (invoice("invoice.paid", "evt_0", id="in_upgrade"), SUBSCRIPTION),
            (snapshot("customer.subscription.updated", "evt_1", metadata=METADATA), SUBSCRIPTION),
            (invoice("invoice.created", "evt_2", id="in_renewal"), RENEWED),
            (snapshot("customer.subscription.updated", "evt_3", metadata=METADATA), RENEWED),
            (invoice("invoice.paid", "evt_4", id="in_renewal"), RENEWED),
        ],
        trail=["SUBSCRIPTION_CREATED", "SUBSCRIPTION_UPDATED"],
        announced=[
            "payment.succeeded",
            "payment.succeeded",
            "subscription.activated",
            "subscription.changed",
        ],
    ),
]

ORDERS = list(permutations(range(EVENTS)))
REPEATED = list(chain.from_iterable(combinations(range(EVENTS), count) for count in range(EVENTS + 1)))
"""Every choice of events that come a second time."""


class World:
    """A ledger and a Stripe account that goes through a course."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.table = MemoryTable()
        self.stripe = FakeStripe()
        self.stripe.create_customer("ada")
        self._stripe_events = StripeEvents(Users(self.table), Bills(self.table), self.stripe, OFFER, "live")
        self._events = [read(event) for event, _ in course.steps]
        self.state = -1
        if course.before:
            self.stripe.held = [course.before]
            synchronise("cus_ada", Users(self.table), self.stripe, OFFER, Trigger(START, event_id="evt"))

    def happen(self, step: int) -> None:
        """Let Stripe be at least at a step."""
        self.state = max(self.state, step)
        said = self.course.steps[self.state][1]
        self.stripe.held = [said] if said else []

    def follow(self, step: int) -> None:
        """Deliver the event of a step."""
        self._stripe_events.follow(self._events[step], NOW)

    def user(self) -> User:
        """Ada's row and periods, but for how often they were written."""
        return replace(Users(self.table).history("ada"), rev=0)

    def user_and_bounds(self) -> User:
        """The same, and of the periods no more than where they begin and end."""
        user = self.user()
        free = OFFER.free(NOW)
        return replace(user, periods=tuple(replace(each, terms=free) for each in user.periods))

    def rows(self, prefix: str) -> Iterator[Row]:
        """Ada's rows of one kind, in the order in which they were written."""
        return (row for key, row in self.table.rows.items() if key.sk.startswith(prefix))

    def trail(self) -> list[str]:
        """What the audit trail says was done."""
        return [str(row["action"]) for row in self.rows("AUDIT")]

    def announced(self) -> list[str]:
        """What was announced, in order of the alphabet."""
        return sorted(str(row["kind"]) for row in self.rows("ANNOUNCEMENT"))


def deliveries() -> Iterator[list[int]]:
    """Every order of five events, with every choice of them coming once more, the latest first."""
    return ([*order, *reversed(again)] for order in ORDERS for again in REPEATED)


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.name)
def test_whatever_the_order_there_is_one_row_and_one_story(course: Course) -> None:
    """All has happened at Stripe, and then its events arrive: 120 orders, each with 32 choices of repeats."""
    expected = None
    for order in deliveries():
        world = World(course)
        world.happen(EVENTS - 1)
        for step in order:
            world.follow(step)
        user = world.user()
        expected = expected or user
        assert (expected, list(course.trail), list(course.announced)) == (
            user,
            world.trail(),
            world.announced(),
        )
    assert expected
    assert course.steps[-1][1] == expected.subscription


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.name)
def test_events_may_overtake_what_is_yet_to_happen(course: Course) -> None:
    """Stripe goes on between deliveries: the row ends the same, and the story is one without a gap.

    Only whether an upgrade was heard of while its period was open decides that period's limits.
    """
    expected = None
    for order in deliveries():
        world = World(course)
        for step in order:
            world.happen(step)
            world.follow(step)
        user = world.user_and_bounds()
        expected = expected or user
        assert expected == user
        assert_one_story(world)


def assert_one_story(world: World) -> None:
    """The trail begins once, and each entry goes on from where the last one ended, up to what is true."""
    known: dict[str, str | None] = {}
    for number, row in enumerate(world.rows("AUDIT")):
        details = json.loads(str(row["details"]))
        assert ("SUBSCRIPTION_UPDATED" if number else "SUBSCRIPTION_CREATED") == row["action"]
        assert {name: known.get(name) for name in details["before"]} == details["before"]
        known |= details["after"]
    final = world.course.steps[-1][1]
    assert final
    assert (final.plan, final.status, iso(final.period_end)) == (
        known["plan"],
        known["status"],
        known["period_end"],
    )


class TakingTurns(FakeStripe):
    """A Stripe account which lets others go on between what it is asked and what it answers."""

    def __init__(self, turns: Table, *subscriptions: Subscription) -> None:
        super().__init__(*subscriptions)
        self._turns = turns

    def subscriptions_of(self, customer_id: str) -> list[Subscription]:
        """Answer with what was true when it was asked, a turn later."""
        found = super().subscriptions_of(customer_id)
        self._turns.query("nobody", "a", "b")
        return found


@given(schedule=st.lists(st.integers(0, 2), max_size=14))
def test_of_workers_side_by_side_none_leaves_the_older_word(schedule: list[int]) -> None:
    """Two workers follow events while the plan changes, one call at a time in any order."""
    table, shared = MemoryTable(), FakeStripe(STARTER)
    shared.create_customer("ada")

    def work(turns: Table) -> None:
        stripe = TakingTurns(turns)
        stripe.customers, stripe.held = shared.customers, shared.held
        synchronise("cus_ada", Users(turns), stripe, OFFER, Trigger(NOW))

    def change(turns: Table) -> None:
        turns.query("nobody", "a", "b")
        shared.held[:] = [SUBSCRIPTION]
        work(turns)

    Turns(table, [work, change, work]).take(schedule)
    assert SUBSCRIPTION == Users(table).read("ada", NOW).subscription
