"""Part 8.1 of the assessment: what a subscriber goes through, by the API and by what Stripe has of it."""

from datetime import timedelta
from typing import NamedTuple

import pytest

from infra.local.places import Home, Stack
from tests.e2e.callers import Callers, soon
from tests.e2e.subscribers import COLLECTED, FAILS_LATER, Subscriber
from tollkeeper.rules.times import iso

SECTION = "1. Stripe Checkout"

DAY = timedelta(days=1)
LATER = timedelta(hours=3)
"""How long after a period's end its invoice is certainly final."""


class Trials(NamedTuple):
    """Whose trials have ended on one day: the one's card was charged, the other's refused to be."""

    lucky: Subscriber
    unlucky: Subscriber


@pytest.fixture(scope="module")
def newcomer(home: Home, stack: Stack, callers: Callers) -> Subscriber:
    """Somebody who has just bought starter."""
    return Subscriber(home, stack, callers, "starter")


@pytest.fixture(scope="module")
def trials(home: Home, stack: Stack, callers: Callers, newcomer: Subscriber) -> Trials:
    """When the trials are over."""
    unlucky = Subscriber(home, stack, callers, "starter", FAILS_LATER)
    unlucky.move(unlucky.trial_ends + COLLECTED)
    return Trials(newcomer, unlucky)


@pytest.mark.line("Create subscription")
def test_create_subscription(newcomer: Subscriber) -> None:
    """Stripe has it, on trial for 14 days; the API shows the plan, the trail says so."""
    at_stripe, shown = newcomer.subscription(), newcomer.shown()
    assert at_stripe.trial_end
    assert at_stripe.trial_start
    assert ("trialing", 14 * DAY.total_seconds(), "tollkeeper_starter_monthly") == (
        at_stripe.status,
        at_stripe.trial_end - at_stripe.trial_start,
        newcomer.price(),
    )
    assert ("starter", at_stripe.id, True, 14, 50) == (
        shown["plan"],
        shown["subscriptionId"],
        shown["trial"]["active"],
        shown["trial"]["daysLeft"],
        shown["limits"]["exports"],
    )
    assert ["SUBSCRIPTION_CREATED"] == newcomer.trail()


@pytest.mark.line("Card is collected during trial")
def test_card_is_collected_during_trial(newcomer: Subscriber) -> None:
    """Stripe has the card and has charged nothing; the API shows the card."""
    shown = newcomer.shown()["paymentMethod"]
    assert ("visa", "4242") == (shown["brand"], shown["last4"])
    method = newcomer.subscription().default_payment_method
    assert "4242" == method.card.last4  # type: ignore[union-attr]
    assert [0] == [each.amount_paid for each in newcomer.invoices()]


@pytest.mark.line("Trial ends → charge succeeds")
def test_trial_ends_charge_succeeds(trials: Trials) -> None:
    """Stripe's invoice of $29 is paid, and the plan goes on."""
    shown = trials.lucky.once("active")
    assert ("starter", False) == (shown["plan"], shown["trial"]["active"])
    assert [("paid", 0), ("paid", 29_00)] == [
        (each.status, each.amount_paid) for each in trials.lucky.invoices()
    ]


@pytest.mark.line("Trial ends → charge fails → cancel")
def test_trial_ends_charge_fails_cancel(trials: Trials) -> None:
    """No grace: cancelled at Stripe, free here, and the trail says why."""
    assert "free" == trials.unlucky.once("canceled")["plan"]
    assert "canceled" == trials.unlucky.subscription().status
    entries = trials.unlucky.customer.audit_trail()
    (end,) = (entry for entry in entries if entry["action"] == "SUBSCRIPTION_CANCELED")
    assert "first_charge_failed" == end["details"]["after"]["canceled_for"]


@pytest.mark.line("Upgrade plan mid-cycle")
def test_upgrade_plan_mid_cycle(trials: Trials) -> None:
    """Half the difference is paid at once; overage neither vanishes nor doubles."""
    upgrader = trials.lucky
    start, end = upgrader.period()
    half = start + (end - start) / 2
    upgrader.move(half)
    upgrader.use(1_500, half)
    upgrader.decide("plan", plan="professional")
    shown = upgrader.shown()
    assert ("professional", 10_000, 500) == (
        shown["plan"],
        shown["limits"]["apiCalls"],
        shown["overage"]["apiCalls"]["quantity"],
    )
    assert "tollkeeper_professional_monthly" == upgrader.price()
    (proration,) = (each for each in upgrader.invoices() if each.billing_reason == "subscription_update")
    assert ("paid", (99_00 - 29_00) // 2) == (proration.status, proration.total)
    upgrader.use(9_007, half)  # seven more than the new plan includes
    upgrader.move(end + LATER)
    assert [("subscription_cycle", 507, 5_07)] == soon(upgrader.overage, bool)
    assert ("paid", 99_00 + 5_07) == (
        upgrader.invoices()[-1].status,
        upgrader.invoices()[-1].total,
    )


@pytest.mark.line("Downgrade plan")
def test_downgrade_plan(home: Home, stack: Stack, callers: Callers) -> None:
    """At the period's end: then Stripe bills $29, and the lower limits hold."""
    downgrader = Subscriber(home, stack, callers, "professional")
    downgrader.pass_trial()
    _, end = downgrader.period()
    assert "period_end" == downgrader.decide("plan", plan="starter")["effective"]
    shown = downgrader.shown()
    assert ("professional", "starter", 10_000) == (
        shown["plan"],
        shown["pendingPlan"],
        shown["limits"]["apiCalls"],
    )
    assert "tollkeeper_professional_monthly" == downgrader.price()
    downgrader.move(end + LATER)
    shown = soon(downgrader.shown, lambda found: found["plan"] == "starter")
    assert ("starter", None, 1_000) == (shown["plan"], shown["pendingPlan"], shown["limits"]["apiCalls"])
    assert "tollkeeper_starter_monthly" == downgrader.price()
    assert [("paid", each) for each in (0, 99_00, 29_00)] == [
        (invoice.status, invoice.total) for invoice in downgrader.invoices()
    ]


@pytest.mark.line("Cancel subscription")
def test_cancel_subscription(trials: Trials) -> None:
    """At the period's end, as paid for; then it is over at Stripe and here."""
    leaver = trials.lucky
    _, end = leaver.period()
    leaver.decide("cancel", at="period_end")
    assert (iso(end), "active") == (
        leaver.shown()["cancelAt"],
        leaver.subscription().status,
    )
    invoices = len(leaver.invoices())
    leaver.move(end + LATER)
    assert "free" == leaver.once("canceled")["plan"]
    assert ("canceled", invoices) == (leaver.subscription().status, len(leaver.invoices()))
    assert "SUBSCRIPTION_CANCELED" in leaver.trail()
