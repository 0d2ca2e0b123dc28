"""What a user is shown of their subscription."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.examples import END, NOW, OFFER, PERIOD, START, SUBSCRIPTION, USER
from tollkeeper.rules.periods import Period
from tollkeeper.rules.subscriptions import Card, PaymentMethod, Status, Subscription
from tollkeeper.rules.users import User
from tollkeeper.views.subscription import PaymentMethodView, SubscriptionView, TrialView, overview

BUSY = {"apiCalls": 15_000, "aiQueries": 1_200, "exports": 600}
BUSY_OVERAGE = 120_00


def shown(
    subscription: Subscription | None = SUBSCRIPTION, *periods: Period, now: datetime = NOW
) -> SubscriptionView:
    """What a user with this subscription and these periods sees."""
    user = replace(USER, subscription=subscription, periods=periods)
    return overview(user, OFFER, now)


def test_the_total_is_the_plans_price_and_the_overage() -> None:
    """A busy month on professional comes to $219."""
    assert 99_00 + BUSY_OVERAGE == shown(SUBSCRIPTION, replace(PERIOD, used=BUSY)).projected_total


@pytest.mark.parametrize("cancel_at", [NOW + timedelta(days=1), END])
def test_the_total_of_a_subscription_that_ends_is_the_overage(cancel_at: datetime) -> None:
    """Where no next month is bought, only what was used beyond the limits is still to pay."""
    ending = replace(SUBSCRIPTION, cancel_at=cancel_at)
    assert BUSY_OVERAGE == shown(ending, replace(PERIOD, used=BUSY)).projected_total


@pytest.mark.parametrize("status", ["canceled", "unpaid", "incomplete"])
def test_the_plan_is_what_the_status_gives(status: str) -> None:
    """The plan shown is the one that the user has the use of; the status beside it is Stripe's."""
    found = shown(replace(SUBSCRIPTION, status=Status(status)), PERIOD)
    assert ("free", status) == (found.plan, found.status)


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=14), 14),
        (timedelta(days=13, seconds=1), 14),
        (timedelta(days=1), 1),
        (timedelta(seconds=1), 1),
        (timedelta(0), 0),
        (-timedelta(days=2), 0),
    ],
)
def test_a_trial_counts_its_days_down(left: timedelta, days: int) -> None:
    """A day that has begun is a day left, and there are never less than none."""
    trial = replace(SUBSCRIPTION, status=Status.TRIALING, trial_end=END)
    assert TrialView(active=True, ends_at=END, days_left=days) == shown(trial, PERIOD, now=END - left).trial


def test_a_trial_that_is_over_is_not_active() -> None:
    """After it, only its end is still shown."""
    after = replace(SUBSCRIPTION, trial_end=START)
    assert TrialView(active=False, ends_at=START, days_left=0) == shown(after, PERIOD).trial


def test_a_period_that_awaits_its_renewal_has_no_end_yet() -> None:
    """Past the known end the next period is shown, with its start and without an end."""
    found = shown(SUBSCRIPTION, PERIOD, now=END)
    assert (END, None, 0) == (found.current_period_start, found.current_period_end, found.usage["exports"])


def test_a_metric_that_came_after_the_period_is_shown_unlimited() -> None:
    """A period pinned before the catalogue had a metric shows its usage, and the limit of the catalogue."""
    without = {metric: limit for metric, limit in PERIOD.terms.limits.items() if metric != "roomsCreated"}
    found = shown(SUBSCRIPTION, replace(PERIOD, terms=replace(PERIOD.terms, limits=without)))
    assert (0, -1) == (found.usage["roomsCreated"], found.limits["roomsCreated"])


def test_a_user_nobody_knows_has_the_free_plan() -> None:
    """Everybody has a plan, limits and a month."""
    found = overview(User("bob"), OFFER, NOW)
    assert ("free", None, 100, 0) == (
        found.plan,
        found.status,
        found.limits["apiCalls"],
        found.projected_total,
    )


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (None, None),
        (
            PaymentMethod("card", Card("visa", "4242", 12, 2030)),
            PaymentMethodView(type="card", brand="visa", last4="4242", exp_month=12, exp_year=2030),
        ),
        (
            PaymentMethod("sepa_debit"),
            PaymentMethodView(type="sepa_debit", brand=None, last4=None, exp_month=None, exp_year=None),
        ),
    ],
)
def test_a_payment_method_is_shown_by_its_type(
    method: PaymentMethod | None, expected: PaymentMethodView | None
) -> None:
    """The last four digits are shown of a card, and of nothing else."""
    assert expected == shown(replace(SUBSCRIPTION, payment_method=method), PERIOD).payment_method
