"""The checklist for trials on Stripe's test clocks: at the stand-in, and at Stripe itself if there is a key.

With `STRIPE_SECRET_KEY=sk_test_…` each scenario runs in that sandbox too (first `make stripe-apply
WITHOUT_STACK=1`). Nobody can click on Stripe's page there, so the subscription is made by API, as Checkout
would make it, and events are taken from the account's list instead of a webhook. *Unverified*: nobody with a
key has run these yet.
"""

from datetime import timedelta

from tests.integration.lives import FAILS_LATER, GOOD, PLAN, TRIAL, Life
from tollkeeper.rules.subscriptions import Cause, Status

COLLECTED = timedelta(hours=2)


def test_create_subscription(life: Life) -> None:
    """The user has the plan, on trial for 14 days."""
    begun = life.now
    life.subscribe(GOOD)
    subscription = life.once(Status.TRIALING).subscription
    assert subscription
    assert (PLAN.name, begun + TRIAL) == (subscription.plan, subscription.trial_end)


def test_card_is_collected_during_trial(life: Life) -> None:
    """The first invoice is of nothing, and there is a card for the next."""
    subscription = life.subscribe(GOOD)
    life.once(Status.TRIALING)
    (invoice,) = life.client.v1.invoices.list({"customer": life.customer}).data
    assert (0, "paid") == (invoice.amount_due, invoice.status)
    assert subscription.default_payment_method


def test_trial_ends_and_charge_succeeds(life: Life) -> None:
    """The first month is paid for."""
    begun = life.now
    life.subscribe(GOOD)
    life.advance(begun + TRIAL + COLLECTED)
    subscription = life.once(Status.ACTIVE).subscription
    invoice = life.client.v1.invoices.list({"customer": life.customer}).data[0]
    assert subscription
    assert ("paid", PLAN.price, begun + TRIAL) == (
        invoice.status,
        invoice.amount_paid,
        subscription.period_start,
    )


def test_trial_ends_and_charge_fails_so_it_is_cancelled(life: Life) -> None:
    """No grace after a trial."""
    begun = life.now
    life.subscribe(FAILS_LATER)
    life.advance(begun + TRIAL + COLLECTED)
    subscription = life.once(Status.CANCELED).subscription
    assert subscription
    assert Cause.FIRST_CHARGE_FAILED is subscription.canceled_for
