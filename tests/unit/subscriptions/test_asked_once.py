"""Stripe is asked once for all that was on the queue before: a renewal's events, and others' in between."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import END, NOW, OFFER, SUBSCRIPTION
from tests.fakes.runtime import FixedClock
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import METADATA, card, invoice, read, snapshot
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.users import Users
from tollkeeper.rules.subscriptions import Subscription
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.event_queue import DeadEvent
from tollkeeper.subscriptions.event_batch import EventBatch, FollowedBatch, QueuedEvent, SideBySide
from tollkeeper.subscriptions.event_workers import MOST_WORKERS, workers_for
from tollkeeper.subscriptions.stripe_events import Outcome, StripeEvents

SECOND = timedelta(seconds=1)
UPDATED = snapshot("customer.subscription.updated", metadata=METADATA)
PAID = invoice("invoice.paid", "evt_2")


class Asked(FakeStripe):
    """Stripe, which notes about whom it is asked."""

    def __init__(self, *subscriptions: Subscription) -> None:
        super().__init__(*subscriptions)
        self.calls: list[str] = []
        self.before_listing: Callable[[str], object] = lambda _: None

    def user_of(self, customer_id: str) -> str | None:
        """Say whose customer it is."""
        self.calls.append(f"user of {customer_id}")
        return super().user_of(customer_id)

    def subscriptions_of(self, customer_id: str) -> list[Subscription]:
        """Say what a customer has."""
        self.calls.append(f"subscriptions of {customer_id}")
        self.before_listing(customer_id)
        return super().subscriptions_of(customer_id)


class NoLetters:
    """A dead-letter queue that is never needed."""

    def keep(self, events: Sequence[DeadEvent]) -> list[int]:
        """Say what is wrong."""
        raise AssertionError(events)


@dataclass
class House:
    """Stripe, the ledger, and the functions that follow events, each with the wall clock."""

    stripe: Asked = field(default_factory=lambda: Asked(SUBSCRIPTION))
    table: MemoryTable = field(default_factory=MemoryTable)
    wall: FixedClock = field(default_factory=lambda: FixedClock(NOW))

    def __post_init__(self) -> None:
        self.stripe.create_customer("ada")

    @property
    def users(self) -> Users:
        """The ledger's users."""
        return Users(self.table)

    @property
    def bills(self) -> Bills:
        """The ledger's bills."""
        return Bills(self.table)

    def follow(
        self, *events: dict[str, Any], sent: datetime | None = NOW, several: SideBySide = map
    ) -> FollowedBatch:
        """Follow events that were put on the queue at a time."""
        messages = [QueuedEvent(f"m{at}", json.dumps(each), 1, sent) for at, each in enumerate(events)]
        batch = EventBatch(
            messages, StripeEvents(self.users, self.bills, self.stripe, OFFER, "live", self.wall)
        )
        return batch.follow(NOW, Patience(lambda: 900), NoLetters(), several)

    def asked(self) -> list[str]:
        """Return what Stripe was asked, and forget it."""
        calls, self.stripe.calls = self.stripe.calls, []
        return calls


@pytest.fixture
def house() -> House:
    """A house whose ledger knows Ada's customer, and at whose first question the wall clock was at `NOW`."""
    house = House()
    house.users.bind_customer("ada", "cus_ada")
    house.follow(UPDATED)
    assert ["subscriptions of cus_ada"] == house.asked()
    return house


ONE_CALL = ["subscriptions of cus_ada"]


def test_what_was_on_the_queue_before_is_answered(house: House) -> None:
    """Nobody asks Stripe again, and what the event itself tells is announced."""
    followed = house.follow(PAID, sent=NOW - 2 * SECOND - timedelta.resolution)
    kinds = [row["kind"] for key, row in house.table.rows.items() if key.sk.startswith("ANNOUNCEMENT")]
    assert ([], {Outcome.FOLLOWED: 1}) == (house.asked(), followed.outcomes)
    assert "payment.succeeded" in kinds


@pytest.mark.parametrize("sent", [NOW - 2 * SECOND, NOW, NOW + SECOND, None], ids=str)
def test_what_may_have_come_since_is_not(house: House, sent: datetime | None) -> None:
    """Clocks differ by two seconds at most, and of some events it is not known."""
    house.follow(PAID, sent=sent)
    assert ONE_CALL == house.asked()


def test_of_several_events_the_last_decides(house: House) -> None:
    """One that came since is not answered by what was said before."""
    batch = [QueuedEvent("m1", json.dumps(UPDATED), 1, NOW - timedelta(hours=1))]
    batch += [QueuedEvent("m2", json.dumps(PAID), 1, NOW)]
    events = StripeEvents(house.users, house.bills, house.stripe, OFFER, "live", house.wall)
    EventBatch(batch, events).follow(NOW, Patience(lambda: 900), NoLetters())
    assert ONE_CALL == house.asked()


def test_an_event_that_came_twice_was_there_at_the_first(house: House) -> None:
    """Stripe sent it again although it had arrived."""
    hours = [NOW - timedelta(hours=1), NOW]
    batch = [QueuedEvent(f"m{sent}", json.dumps(PAID), 1, sent) for sent in hours]
    events = StripeEvents(house.users, house.bills, house.stripe, OFFER, "live", house.wall)
    EventBatch(batch, events).follow(NOW, Patience(lambda: 900), NoLetters())
    assert [] == house.asked()


def test_who_is_overtaken_by_a_later_answer_asks_no_more(house: House) -> None:
    """Another function asked while this one did, for an event of later."""

    def overtake(_: str) -> None:
        house.stripe.before_listing = lambda _: None
        house.wall.instant += 60 * SECOND
        house.follow(snapshot("customer.updated", "evt_9", metadata=METADATA), sent=house.wall.instant)

    house.stripe.before_listing = overtake
    house.follow(PAID)
    assert ONE_CALL * 2 == house.asked()


def test_whom_the_event_and_the_ledger_name_stripe_need_not(house: House) -> None:
    """Whose customer it is was noted by us, at both places."""
    house.follow(UPDATED)
    assert ONE_CALL == house.asked()


def test_a_card_names_nobody(house: House) -> None:
    """Stripe says whose it is."""
    house.follow(card("payment_method.updated"))
    assert ["user of cus_ada", *ONE_CALL] == house.asked()


def test_a_card_among_others_needs_no_name(house: House) -> None:
    """They are about the same customer."""
    house.follow(card("payment_method.updated"), PAID)
    assert ONE_CALL == house.asked()


def test_whose_customer_was_lost_is_found_at_stripe() -> None:
    """The ledger knows nobody by it, or lost what it knew; Stripe has it."""
    house = House()
    house.follow(UPDATED)
    assert ["user of cus_ada", *ONE_CALL] == house.asked()
    assert (SUBSCRIPTION, "cus_ada") == (house.users.read("ada", END).subscription, "cus_ada")


def test_a_name_that_the_ledger_denies_is_stripes_to_say(house: House) -> None:
    """Somebody wrote another's name onto a subscription: the customer's own counts."""
    house.users.bind_customer("bob", "cus_bob")
    for named in ("bob", "carl"):
        house.follow(snapshot("customer.subscription.updated", metadata={**METADATA, "userId": named}))
        assert ["user of cus_ada", *ONE_CALL] == house.asked()
        assert house.users.read(named, NOW).subscription is None


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["starter", "professional", "enterprise"]),
        st.integers(0, 5),  # seconds until it is on the queue
        st.integers(0, 5),  # seconds until the next one
    ),
    min_size=1,
    max_size=6,
)


@given(
    changes=CHANGES,
    data=st.data(),
    skew=st.floats(-1.9, 1.9).map(lambda seconds: timedelta(seconds=seconds)),
)
def test_the_row_ends_as_stripe_has_it(
    changes: Sequence[tuple[str, int, int]], data: st.DataObject, skew: timedelta
) -> None:
    """Whatever is followed when, in which company, once every event was: no change is missed.

    The clock by which SQS says when it took a message may be off by almost two seconds.
    """
    house = House()
    house.users.bind_customer("ada", "cus_ada")
    waiting: list[tuple[datetime, dict[str, Any]]] = []
    for number, (plan, delay, pause) in enumerate(changes):
        house.stripe.held[0] = replace(house.stripe.held[0], plan=plan)
        event = snapshot("customer.subscription.updated", f"evt_{number}", metadata=METADATA)
        waiting.append((house.wall.instant + delay * SECOND, event))
        house.wall.instant += pause * SECOND
        there = [each for each in waiting if each[0] <= house.wall.instant]
        taken = data.draw(st.lists(st.sampled_from(there), unique_by=id)) if there else []
        for sent, each in taken:
            house.follow(each, sent=sent + skew)
        waiting = [each for each in waiting if each not in taken]
    house.wall.instant += 10 * SECOND
    for sent, each in data.draw(st.permutations(waiting)):
        house.follow(each, sent=sent + skew)
    user = house.users.read("ada", NOW)
    assert user.subscription
    assert changes[-1][0] == user.subscription.plan


def of(name: str) -> dict[str, Any]:
    """An event about one of many customers."""
    named = {"deployment": "live", "userId": name}
    return snapshot("customer.subscription.updated", f"evt_{name}", customer=f"cus_{name}", metadata=named)


def test_several_customers_are_asked_about_side_by_side() -> None:
    """Eight at once: each waits for all of them to be there."""
    house, together = House(), Barrier(8, timeout=10)
    names = [f"user-{number}" for number in range(8)]
    for name in names:
        house.stripe.create_customer(name)
        house.stripe.held.append(replace(SUBSCRIPTION, id=f"sub_{name}", customer_id=f"cus_{name}"))
    house.stripe.before_listing = lambda _: together.wait()
    with ThreadPoolExecutor(8) as workers:
        followed = house.follow(*map(of, names), several=workers.map)
    assert ({Outcome.FOLLOWED: 8}, set()) == (followed.outcomes, followed.failed)
    assert names == [name for name in names if house.users.read(name, NOW).subscription]


def test_beside_each_other_ones_trouble_is_nobody_elses() -> None:
    """Its message comes again, and it alone."""
    house = House()
    names = [f"user-{number}" for number in range(8)]
    for name in names:
        house.stripe.create_customer(name)

    def refuse(customer_id: str) -> None:
        if customer_id == "cus_user-3":
            raise StripeRefusedError

    house.stripe.before_listing = refuse
    with ThreadPoolExecutor(8) as workers:
        followed = house.follow(*map(of, names), several=workers.map)
    assert ({"m3"}, set(), {Outcome.FOLLOWED: 7}) == (followed.failed, followed.postponed, followed.outcomes)


@pytest.mark.parametrize(
    ("calls", "workers"), [(0.5, 1), (2, 4), (10, 16), (12.5, 20), (20, 32), (50, MOST_WORKERS)]
)
def test_as_many_work_as_keep_the_pace(calls: float, workers: int) -> None:
    """While Stripe takes 1.6 seconds for a customer; so none waits longer for its turn."""
    assert workers == workers_for(calls)


def test_an_event_by_itself_is_always_asked_about(house: House) -> None:
    """The sweep's have been on no queue."""
    StripeEvents(house.users, house.bills, house.stripe, OFFER, "live", house.wall).follow(read(PAID), NOW)
    assert ONE_CALL == house.asked()
