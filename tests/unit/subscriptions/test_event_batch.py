"""A batch of the queue's messages: each customer once, in time, and nobody's trouble another's."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.examples import END, NOW, OFFER, SUBSCRIPTION
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import METADATA, customer, invoice, snapshot
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.users import Users
from tollkeeper.queues import LONGEST_WAIT_SECONDS, seconds_until_again
from tollkeeper.rules.subscriptions import Subscription
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError
from tollkeeper.stripe.event_queue import DeadEvent
from tollkeeper.subscriptions.event_batch import (
    MOST_FAILURES,
    SECONDS_FOR_A_CUSTOMER,
    EventBatch,
    FollowedBatch,
    QueuedEvent,
)
from tollkeeper.subscriptions.stripe_events import Outcome, StripeEvents

MOST_RECEIVES = 1000
"""What SQS allows at most before a message is a dead letter."""

RENEWAL = [
    invoice("invoice.created", "evt_0"),
    invoice("invoice.finalized", "evt_1"),
    invoice("invoice.paid", "evt_2"),
    invoice("invoice.payment_succeeded", "evt_3"),
    snapshot("customer.subscription.updated", "evt_4", metadata=METADATA),
]


class Slow(FakeStripe):
    """Stripe, which takes two seconds for each answer, or none for some customers."""

    def __init__(self, *subscriptions: Subscription) -> None:
        super().__init__(*subscriptions)
        self.seconds = 0.0
        self.asked: list[str] = []
        self.fails: Callable[[str], Exception | None] = lambda _: None

    def user_of(self, customer_id: str) -> str | None:
        """Say whose customer it is."""
        self.seconds += 2
        return super().user_of(customer_id)

    def subscriptions_of(self, customer_id: str) -> list[Subscription]:
        """Say what a customer has."""
        self.seconds += 2
        self.asked.append(customer_id)
        if error := self.fails(customer_id):
            raise error
        return super().subscriptions_of(customer_id)


class Kept:
    """A dead-letter queue that keeps all, or nothing."""

    def __init__(self) -> None:
        self.events: list[DeadEvent] = []
        self.is_down = False

    def keep(self, events: Sequence[DeadEvent]) -> list[int]:
        """Keep events."""
        if self.is_down:
            return [*range(len(events))]
        self.events += events
        return []


@pytest.fixture
def stripe() -> Slow:
    """A Stripe account in which Ada has subscribed."""
    stripe = Slow(SUBSCRIPTION)
    stripe.create_customer("ada")
    return stripe


@pytest.fixture
def dead() -> Kept:
    """An empty dead-letter queue."""
    return Kept()


type Follow = Callable[..., FollowedBatch]


@pytest.fixture
def follow(stripe: Slow, table: MemoryTable, dead: Kept) -> Follow:
    """The deployment called `live`, following messages with so many seconds left."""

    def follow(*events: dict[str, Any] | str, seconds: float = 900, receives: int = 1) -> FollowedBatch:
        begun = stripe.seconds
        messages = [
            QueuedEvent(f"m{number}", each if isinstance(each, str) else json.dumps(each), receives)
            for number, each in enumerate(events)
        ]
        batch = EventBatch(messages, StripeEvents(Users(table), Bills(table), stripe, OFFER, "live"))
        return batch.follow(NOW, Patience(lambda: seconds - (stripe.seconds - begun)), dead)

    return follow


def of(number: int) -> dict[str, Any]:
    """An event about one of many customers."""
    name = f"user-{number:02}"
    return snapshot(
        "customer.subscription.updated",
        f"evt_{name}",
        customer=f"cus_{name}",
        metadata={"deployment": "live"},
    )


def people(stripe: FakeStripe, count: int) -> list[dict[str, Any]]:
    """Make customers, and return an event about each."""
    for number in range(count):
        stripe.create_customer(f"user-{number:02}")
    return [of(number) for number in range(count)]


def announced(table: MemoryTable) -> list[str]:
    """What was announced, in order of the alphabet."""
    return sorted(str(row["kind"]) for key, row in table.rows.items() if key.sk.startswith("ANNOUNCEMENT"))


def test_a_renewals_five_events_ask_stripe_once(follow: Follow, stripe: Slow, table: MemoryTable) -> None:
    """Its answer is the same for all; what each announces by itself is announced."""
    followed = follow(*RENEWAL)
    assert (["cus_ada"], {Outcome.FOLLOWED: 5}, set()) == (stripe.asked, followed.outcomes, followed.failed)
    assert ["payment.succeeded", "subscription.activated"] == announced(table)


def test_each_customer_is_asked_about_apart(follow: Follow, stripe: Slow) -> None:
    """However their events are mixed."""
    events = people(stripe, 3)
    follow(*events, *RENEWAL, *events)
    assert ["cus_ada", "cus_user-00", "cus_user-01", "cus_user-02"] == sorted(stripe.asked)


def test_a_message_that_came_twice_is_one_event(follow: Follow, stripe: Slow) -> None:
    """Both messages are done."""
    followed = follow(RENEWAL[0], RENEWAL[0])
    assert (["cus_ada"], set()) == (stripe.asked, followed.failed)


def test_while_stripe_is_slow_what_is_not_begun_is_given_back(follow: Follow, stripe: Slow) -> None:
    """Ten customers of four seconds each do not fit: the others come again at once, none was cut off."""
    followed = follow(*people(stripe, 10), seconds=SECONDS_FOR_A_CUSTOMER + 18)
    assert (5, 5, followed.failed) == (len(stripe.asked), len(followed.postponed), followed.postponed)


def test_a_customer_is_begun_while_there_are_forty_seconds(follow: Follow, stripe: Slow) -> None:
    """So long three calls may take of which the last gets no answer."""
    (event,) = people(stripe, 1)
    assert [{"m0"}, set()] == [follow(event, seconds=each).postponed for each in (40.0, 40.1)]


def test_while_stripe_is_slow_the_batch_after_batch_ends(follow: Follow, stripe: Slow, dead: Kept) -> None:
    """What is given back is done by a later one, long before SQS makes it a dead letter."""
    waiting = people(stripe, 30)
    for _ in range(10):
        followed = follow(*waiting, seconds=SECONDS_FOR_A_CUSTOMER + 18)
        waiting = [each for number, each in enumerate(waiting) if f"m{number}" in followed.failed]
    assert ([], []) == (waiting, dead.events)


def test_while_stripe_is_down_few_are_tried_and_all_come_later(follow: Follow, stripe: Slow) -> None:
    """Once it gave no answer about three customers in a row, the others need not try."""
    stripe.fails = lambda _: StripeUnavailableError()
    followed = follow(*people(stripe, 10))
    assert (3, 10, set()) == (len(stripe.asked), len(followed.failed), followed.postponed)


def test_a_day_without_stripe_makes_no_dead_letter(follow: Follow, stripe: Slow, dead: Kept) -> None:
    """Each time a message waits longer, up to a quarter of an hour, and SQS lets it come a thousand times."""
    stripe.is_down = True
    waited, receives = timedelta(), 0
    while waited < timedelta(days=7):
        receives += 1
        assert {"m0"} == follow(RENEWAL[0], receives=receives).failed
        waited += timedelta(seconds=seconds_until_again(receives))
    assert (True, []) == (receives < MOST_RECEIVES, dead.events)


def test_waiting_grows_up_to_a_quarter_of_an_hour() -> None:
    """The first failure may be a race that is over in a moment."""
    assert [10, 20, 40, 80, 160, 320, 640, LONGEST_WAIT_SECONDS] == [
        seconds_until_again(receives) for receives in range(1, 9)
    ]


def test_what_is_no_event_is_a_dead_letter_at_once(follow: Follow, dead: Kept) -> None:
    """As it came, with its reason, and its neighbours are followed."""
    followed = follow("null", *RENEWAL)
    assert (["null"], {Outcome.FOLLOWED: 5}, set()) == (
        [each.body for each in dead.events],
        followed.outcomes,
        followed.failed,
    )
    assert dead.events[0].reason.startswith("it is no event of Stripe's")


def test_a_dead_letter_that_cannot_be_kept_comes_again(follow: Follow, dead: Kept) -> None:
    """Nothing is lost."""
    dead.is_down = True
    assert {"m0"} == follow("null").failed


def test_what_fails_by_itself_is_a_dead_letter_in_the_end(follow: Follow, stripe: Slow, dead: Kept) -> None:
    """Hours later, as Stripe wrote it: somebody must look, and can send it again."""
    stripe.fails = lambda _: StripeRefusedError("no")
    assert {"m0"} == follow(RENEWAL[0], receives=19).failed
    assert set() == follow(RENEWAL[0], receives=20).failed
    assert [DeadEvent(json.dumps(RENEWAL[0]), "StripeRefusedError('no')")] == dead.events


def test_each_that_fails_by_itself_is_a_dead_letter(follow: Follow, stripe: Slow, dead: Kept) -> None:
    """Of whichever customer, and also beside what is no event at all."""
    stripe.fails = lambda _: StripeRefusedError("no")
    events = people(stripe, 3)
    follow("null", *events, receives=MOST_FAILURES)
    assert sorted(["null", *map(json.dumps, events)]) == sorted(each.body for each in dead.events)


def test_one_customers_trouble_is_nobody_elses(follow: Follow, stripe: Slow) -> None:
    """The others of the batch are done."""
    stripe.fails = lambda customer_id: StripeRefusedError() if customer_id == "cus_user-01" else None
    assert {"m1"} == follow(*people(stripe, 3)).failed


@pytest.mark.parametrize("neighbours", [RENEWAL, RENEWAL[:1]], ids=["among many", "beside one"])
def test_of_a_customers_events_the_one_to_blame_fails_alone(
    follow: Follow,
    stripe: Slow,
    dead: Kept,
    monkeypatch: pytest.MonkeyPatch,
    neighbours: Sequence[dict[str, Any]],
) -> None:
    """Its neighbours are good, and are followed."""

    def refuse(_: str) -> list[str]:
        raise StripeRefusedError("no")

    monkeypatch.setattr(stripe, "open_checkout_sessions", refuse)
    completed = snapshot("checkout.session.completed", "evt_5", metadata=METADATA)
    followed = follow(*neighbours, completed, receives=MOST_FAILURES)
    assert ({Outcome.FOLLOWED: len(neighbours)}, set(), [json.dumps(completed)]) == (
        followed.outcomes,
        followed.failed,
        [each.body for each in dead.events],
    )


@pytest.mark.parametrize(
    "event",
    [
        invoice("invoice.paid") | {"account": "acct_other"},
        invoice("invoice.paid") | {"livemode": True},
        invoice("invoice.paid", customer="cus_unknown"),
        snapshot("customer.created", id="cus_unknown", object="customer", metadata=METADATA),
        snapshot("customer.subscription.updated", metadata={"deployment": "other"}),
    ],
    ids=["account", "mode", "customer", "new customer", "deployment"],
)
def test_what_is_anothers_is_done_counted_and_left_alone(
    follow: Follow, table: MemoryTable, dead: Kept, event: dict[str, Any]
) -> None:
    """Another account's, mode's or deployment's, or of a customer that Stripe does not know."""
    followed = follow(event, receives=MOST_FAILURES)
    assert ({Outcome.OF_OTHERS: 1}, set(), [], {}) == (
        followed.outcomes,
        followed.failed,
        dead.events,
        table.rows,
    )


def test_what_names_our_account_and_mode_is_followed(follow: Follow) -> None:
    """An organisation's destination names the account in every event."""
    event = invoice("invoice.paid") | {"account": "acct_1", "livemode": False}
    assert {Outcome.FOLLOWED: 1} == follow(event).outcomes


def test_what_came_most_often_is_taken_last(stripe: Slow, table: MemoryTable, dead: Kept) -> None:
    """Should it stop the function each time, the others are done before."""
    events = people(stripe, 3)
    messages = [QueuedEvent(f"m{at}", json.dumps(each), 9 - at) for at, each in enumerate(events)]
    batch = EventBatch(messages, StripeEvents(Users(table), Bills(table), stripe, OFFER, "live"))
    batch.follow(NOW, Patience(lambda: 900), dead)
    assert ["cus_user-02", "cus_user-01", "cus_user-00"] == stripe.asked


def test_a_customer_who_was_only_made_costs_one_call(
    follow: Follow, stripe: Slow, table: MemoryTable
) -> None:
    """Nobody has bought anything yet."""
    follow(customer("customer.created"))
    assert ([], "cus_ada") == (stripe.asked, Users(table).read("ada", END).customer_id)
