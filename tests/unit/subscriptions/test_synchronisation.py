"""How what Stripe says becomes the user's row."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import END, NOW, OFFER, START, SUBSCRIPTION
from tests.fakes.stripe import FakeStripe
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.users import StaleRevisionError, Users
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.subscriptions.synchronisation import MOST_ATTEMPTS, Synchronised, Trigger, synchronise

CANCELLED = replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)
STARTER = replace(SUBSCRIPTION, plan="starter")


@pytest.fixture
def stripe() -> FakeStripe:
    """A Stripe account in which Ada has subscribed."""
    return stripe_with(SUBSCRIPTION)


def stripe_with(*subscriptions: Subscription) -> FakeStripe:
    """A Stripe account in which Ada has these."""
    stripe = FakeStripe(*subscriptions)
    stripe.create_customer("ada")
    stripe.customers["cus_stranger"] = None
    return stripe


def hint(
    users: Users, stripe: FakeStripe, event_id: str = "evt_1", customer_id: str = "cus_ada"
) -> Synchronised | None:
    """Follow an event about a customer."""
    return synchronise(customer_id, users, stripe, OFFER, Trigger(NOW, event_id=event_id))


def known(users: Users) -> Subscription | None:
    """What the ledger knows of Ada's subscription."""
    return users.read("ada", NOW).subscription


def audited(table: MemoryTable) -> list[tuple[object, object]]:
    """What happened, by which event."""
    rows = (row for key, row in table.rows.items() if key.sk.startswith("AUDIT"))
    return [(row["action"], row["eventId"]) for row in rows]


def test_what_stripe_says_is_written(users: Users, stripe: FakeStripe) -> None:
    """After an event the user's row says what Stripe says of their subscription, and their customer."""
    assert hint(users, stripe)
    user = users.read("ada", NOW)
    assert (SUBSCRIPTION, "cus_ada") == (user.subscription, user.customer_id)


def test_the_period_is_written_with_it(users: Users, stripe: FakeStripe) -> None:
    """The period that Stripe speaks of has its bounds and terms from then on."""
    hint(users, stripe)
    terms = OFFER.terms("professional", START)
    assert [(START, END, replace(terms, limits=terms.limited))] == [
        (each.start, each.end, each.terms) for each in users.read("ada", NOW).periods
    ]


def test_the_first_word_of_a_subscription_is_audited(
    table: MemoryTable, users: Users, stripe: FakeStripe
) -> None:
    """The entry names the event that made Tollkeeper look."""
    hint(users, stripe)
    assert [("SUBSCRIPTION_CREATED", "evt_1")] == audited(table)


def test_a_duplicate_is_not_audited_again(table: MemoryTable, users: Users, stripe: FakeStripe) -> None:
    """Stripe delivers at least once; the trail says what changed."""
    for event_id in ("evt_1", "evt_1", "evt_2"):
        hint(users, stripe, event_id)
    assert [("SUBSCRIPTION_CREATED", "evt_1")] == audited(table)


def test_another_deployments_customer_is_left_alone(
    table: MemoryTable, users: Users, stripe: FakeStripe
) -> None:
    """Several deployments may share a Stripe account; nothing is written of a stranger."""
    assert not hint(users, stripe, customer_id="cus_stranger")
    assert {} == table.rows


def test_a_customer_without_a_subscription_has_nothing_to_write(table: MemoryTable, users: Users) -> None:
    """A customer is made before they have bought anything."""
    assert hint(users, stripe_with())
    assert {} == table.rows


def test_a_newer_word_is_not_overwritten_by_an_older_one(users: Users, stripe: FakeStripe) -> None:
    """If the subscription ends while another worker's answer is on its way, it stays ended."""

    def meanwhile() -> None:
        stripe.while_listing = lambda: None
        stripe.held = [CANCELLED]
        hint(users, stripe, "evt_2")

    stripe.while_listing = meanwhile
    hint(users, stripe)
    assert CANCELLED == known(users)


def test_an_unchanged_word_still_moves_the_revision(users: Users, stripe: FakeStripe) -> None:
    """Otherwise a worker who asked before it could write what was true even earlier."""
    hint(users, stripe)
    before = users.read("ada", NOW).rev
    hint(users, stripe)
    assert before + 1 == users.read("ada", NOW).rev


def test_who_is_always_overtaken_gives_up(users: Users, stripe: FakeStripe) -> None:
    """After eight attempts the event goes back to its queue, and what the others wrote stands."""
    asked = []

    def overtake() -> None:
        asked.append(stripe.while_listing)
        stripe.while_listing = lambda: None
        hint(users, stripe, "evt_other")
        stripe.while_listing = overtake

    stripe.while_listing = overtake
    with pytest.raises(StaleRevisionError):
        hint(users, stripe)
    assert (MOST_ATTEMPTS, MOST_ATTEMPTS) == (len(asked), users.read("ada", NOW).rev)


def test_while_stripe_is_down_nothing_is_written(
    table: MemoryTable, users: Users, stripe: FakeStripe
) -> None:
    """The event comes again."""
    stripe.is_down = True
    with pytest.raises(StripeUnavailableError):
        hint(users, stripe)
    assert {} == table.rows


def test_the_oldest_live_subscription_is_written(users: Users) -> None:
    """A second one that somebody bought in another tab does not take over."""
    second = replace(STARTER, id="sub_second", created=START + timedelta(hours=1))
    hint(users, stripe_with(second, SUBSCRIPTION))
    assert SUBSCRIPTION == known(users)


def test_a_trial_is_remembered_after_it(users: Users, stripe: FakeStripe) -> None:
    """One trial per user: the row knows of it when the subscription has been replaced by another."""
    stripe.held = [replace(SUBSCRIPTION, status=Status.TRIALING, trial_end=END)]
    hint(users, stripe)
    stripe.held = [replace(SUBSCRIPTION, id="sub_second")]
    hint(users, stripe)
    assert users.read("ada", NOW).trial_used


# What has become of the subscription, each the word of one event.
CHANGES: list[Callable[[FakeStripe], object]] = [
    lambda stripe: stripe.held.append(replace(SUBSCRIPTION, status=Status.INCOMPLETE)),
    lambda stripe: stripe.held.__setitem__(0, SUBSCRIPTION),
    lambda stripe: stripe.held.__setitem__(0, STARTER),
    lambda stripe: stripe.held.__setitem__(0, replace(STARTER, cancel_at=END)),
]


@given(deliveries=st.lists(st.sampled_from(range(len(CHANGES))), max_size=8))
def test_any_order_and_number_of_deliveries_ends_in_the_same_row(deliveries: list[int]) -> None:
    """Events are hints: once all has happened, one delivery of any of them is enough, and more do no harm."""
    stripe, users = stripe_with(), Users(MemoryTable())
    for number, change in enumerate(CHANGES):
        change(stripe)
        if number in deliveries:  # delivered at once
            hint(users, stripe, f"evt_{number}")
    for number in [*deliveries, 0]:  # delivered again, later, in any order
        hint(users, stripe, f"evt_{number}")
    assert replace(STARTER, cancel_at=END) == known(users)
