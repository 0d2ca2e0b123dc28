"""Users whose period is over without a word of Stripe's: it is asked, every hour, and less often in vain."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.examples import END, NOW, OFFER, SUBSCRIPTION
from tests.fakes.stripe import FakeStripe
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.sweep_progress import SweepProgress, SweepProgressBook
from tollkeeper.ledger.users import Users
from tollkeeper.rules.subscriptions import SLACK, Status, Subscription, ask_at, effective_plan
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError
from tollkeeper.subscriptions.sweep import Sweep, Swept
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ENDED = replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=END - DAY)
RENEWED = replace(SUBSCRIPTION, period_start=END, period_end=END + 30 * DAY)


class Counting(FakeStripe):
    """Stripe, which counts how often it is asked about a customer."""

    def __init__(self, *subscriptions: Subscription) -> None:
        super().__init__(*subscriptions)
        self.asked = 0

    def user_of(self, customer_id: str) -> str | None:
        """Say whose customer it is."""
        self.asked += 1
        return super().user_of(customer_id)


@pytest.fixture
def stripe(users: Users) -> Counting:
    """A Stripe account in which Ada has subscribed, of which a webhook has told."""
    stripe = Counting(SUBSCRIPTION)
    stripe.create_customer("ada")
    synchronise("cus_ada", users, stripe, OFFER, Trigger(NOW))
    stripe.asked = 0
    return stripe


@pytest.fixture
def sweep(table: MemoryTable, users: Users, stripe: Counting) -> Sweep:
    """The sweep, which has looked through Stripe's lists and does not yet again."""
    book = SweepProgressBook(table)
    book.write(SweepProgress(END + 365 * DAY, END, None))
    return Sweep(users, Bills(table), stripe, OFFER, "live", book)


def run(sweep: Sweep, now: datetime) -> Swept:
    """Run it as its schedule does."""
    return sweep.run(now, Patience(lambda: 900.0))


def known(users: Users, now: datetime = END) -> Subscription | None:
    """What the ledger knows of Ada's subscription."""
    return users.read("ada", now).subscription


def hours_of_asking(sweep: Sweep, stripe: Counting, first: datetime, days: int) -> list[int]:
    """Run it every hour for some days, and return at which hours Stripe was asked."""
    hours = []
    for hour in range(days * 24):
        stripe.asked = 0
        run(sweep, first + hour * HOUR)
        if stripe.asked:
            hours.append(hour)
    return hours


def test_an_end_that_nobody_ever_told_of_is_found(sweep: Sweep, users: Users, stripe: Counting) -> None:
    """Stripe's event is older than any sweep looks, and no list names the subscription any more."""
    stripe.held, stripe.events = [ENDED], []
    assert (Swept(asked=1, repaired=1), ENDED) == (run(sweep, END + 2 * HOUR), known(users))


def test_a_renewal_that_nobody_told_of_is_found(sweep: Sweep, users: Users, stripe: Counting) -> None:
    """Two hours after the period's end, and then no more before the next."""
    stripe.held = [RENEWED]
    assert (Swept(asked=1, repaired=1), RENEWED) == (run(sweep, END + 2 * HOUR), known(users))
    assert [] == hours_of_asking(sweep, stripe, END + 3 * HOUR, days=29)


def test_nobody_is_asked_about_before(sweep: Sweep, stripe: Counting) -> None:
    """Stripe takes an hour to renew; a run costs no call then."""
    assert (Swept(), 0) == (run(sweep, END + HOUR), stripe.asked)


@pytest.mark.parametrize("status", [Status.PAST_DUE, Status.UNPAID, Status.PAUSED])
def test_who_stays_as_they_are_is_asked_about_less_and_less(
    sweep: Sweep, stripe: Counting, status: Status
) -> None:
    """Stripe says the same each time: after as long as it has been waited for already, a day at most."""
    stripe.held = [replace(SUBSCRIPTION, status=status)]
    hours = hours_of_asking(sweep, stripe, END + 2 * HOUR, days=6)
    assert [0, 1, 2, 4, 8, 16, 32, 56, 80, 104, 128] == hours


def test_who_is_known_to_nobody_at_stripe_ends_when_belief_does(
    sweep: Sweep, users: Users, stripe: Counting
) -> None:
    """Their customer is gone for good: they are asked about for three days, and then have the free plan."""
    stripe.customers.clear()
    run(sweep, END + 2 * HOUR)
    assert known(users) == SUBSCRIPTION
    hours = hours_of_asking(sweep, stripe, END + 2 * HOUR, days=30)
    ended = known(users)
    assert ended
    assert (Status.CANCELED, END, "free") == (
        ended.status,
        ended.ended_at,
        effective_plan(ended, END + SLACK),
    )
    assert hours[-1] * HOUR < SLACK + DAY


def test_who_has_no_subscription_at_stripe_ends_likewise(
    sweep: Sweep, users: Users, stripe: Counting, table: MemoryTable
) -> None:
    """The customer is there, and has bought nothing that Stripe knows; it is audited and announced."""
    stripe.held = []
    run(sweep, END + SLACK)
    kinds = {row["kind"] for key, row in table.rows.items() if key.sk.startswith("ANNOUNCEMENT")}
    actions = {(row["actor"], row["action"]) for key, row in table.rows.items() if key.sk.startswith("AUDIT")}
    assert ("sweep", "SUBSCRIPTION_CANCELED") in actions
    assert "subscription.canceled" in kinds
    assert [] == [*users.unheard_of(END + 365 * DAY)]


def test_who_was_deleted_at_stripe_ends_as_stripe_says(sweep: Sweep, users: Users, stripe: Counting) -> None:
    """Their subscriptions still tell whose they were, and when they ended."""
    stripe.now = END - DAY
    stripe.delete_customer("cus_ada")
    run(sweep, END + 2 * HOUR)
    assert ENDED == known(users)


def test_one_who_cannot_be_asked_about_stops_nobody(sweep: Sweep, users: Users, stripe: Counting) -> None:
    """They are logged, counted, and asked about again later, as the others are at once."""
    stripe.held.append(replace(SUBSCRIPTION, id="sub_bob", customer_id=stripe.create_customer("bob")))
    synchronise("cus_bob", users, stripe, OFFER, Trigger(NOW))
    stripe.held[1] = replace(RENEWED, id="sub_bob", customer_id="cus_bob")
    of = stripe.subscriptions_of

    def subscriptions_of(customer_id: str) -> list[Subscription]:
        if customer_id == "cus_ada":
            raise AttributeError("card")
        return of(customer_id)

    stripe.subscriptions_of = subscriptions_of  # type: ignore[method-assign]
    swept = run(sweep, END + 2 * HOUR)
    assert (1, 1) == (swept.failed, swept.asked)
    assert ["ada"] == [*users.unheard_of(END + 3 * HOUR)]
    assert [] == [*users.unheard_of(END + 2 * HOUR)]


def test_one_refusal_is_no_end(sweep: Sweep, users: Users, stripe: Counting) -> None:
    """What Stripe did not say, it did not say, however late it is."""

    def subscriptions_of(customer_id: str) -> list[Subscription]:
        raise StripeRefusedError(customer_id)

    stripe.subscriptions_of = subscriptions_of  # type: ignore[method-assign]
    run(sweep, END + 30 * DAY)
    assert SUBSCRIPTION == known(users)


def test_while_stripe_is_down_nobody_ends(sweep: Sweep, users: Users, stripe: Counting) -> None:
    """They are asked about in the next hour."""
    stripe.is_down = True
    for hour in range(3):
        assert 1 == run(sweep, END + 30 * DAY + hour * HOUR).failed
    assert SUBSCRIPTION == known(users)


def test_three_whom_stripe_does_not_answer_about_are_enough(
    sweep: Sweep, users: Users, stripe: Counting
) -> None:
    """The run fails, so that an alarm may ring; nobody's row changes."""
    for name in ("bob", "cem"):
        customer_id = stripe.create_customer(name)
        stripe.held.append(replace(SUBSCRIPTION, id=f"sub_{name}", customer_id=customer_id))
        synchronise(customer_id, users, stripe, OFFER, Trigger(NOW))
    stripe.is_down = True
    with pytest.raises(StripeUnavailableError):
        run(sweep, END + 2 * HOUR)


def test_what_has_ended_is_not_asked_about() -> None:
    """There is nothing more to come."""
    assert (None, END + 2 * HOUR) == (ask_at(ENDED, NOW), ask_at(SUBSCRIPTION, NOW))
