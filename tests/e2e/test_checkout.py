"""The checklist for checkout: what a buyer goes through, through the public API and Stripe's page."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from stripe import StripeClient

from infra.local.customer import Customer, Json
from infra.local.errors import LocalError
from infra.local.places import Home, Stack
from infra.local.stack import stripe_client

GOOD, FAILS_LATER = "4242424242424242", "4000000000000341"
COLLECTED = timedelta(hours=2)
"""How long after a trial its first invoice has certainly been asked to be paid."""


@pytest.fixture(scope="module")
def stripe(stack: Stack) -> StripeClient:
    """Stripe, seen past Tollkeeper."""
    return stripe_client(stack.stripe)


@pytest.fixture(scope="module")
def buyer(home: Home, stack: Stack) -> Callable[[str], Customer]:
    """Have somebody new subscribe to starter with a card."""

    def buy(card: str) -> Customer:
        customer = Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")
        customer.buy("starter", card)
        return customer

    return buy


@pytest.fixture(scope="module")
def newcomer(buyer: Callable[[str], Customer]) -> Customer:
    """Somebody who has just subscribed."""
    return buyer(GOOD)


@pytest.fixture(scope="module")
def after_trial(newcomer: Customer, buyer: Callable[[str], Customer]) -> tuple[Customer, Customer]:
    """One whose card is good and one whose card is not, when the trials of both are over."""
    unlucky = buyer(FAILS_LATER)
    trial = shown(unlucky, "trialing")["trial"]
    newcomer.move_clock(datetime.fromisoformat(trial["endsAt"]) + COLLECTED)
    return newcomer, unlucky


def shown(customer: Customer, status: str) -> Json:
    """What `GET /subscription` shows once it has this status."""
    return next(each for each in customer.watch_for(f"{status} subscription") if each["status"] == status)


def trail(customer: Customer) -> list[str]:
    """What was done, oldest first."""
    return [entry["action"] for entry in reversed(customer.audit_trail())]


def test_create_subscription(newcomer: Customer) -> None:
    """Who pays on the page has the plan, on trial for 14 days, and the trail says so."""
    found = shown(newcomer, "trialing")
    assert ("starter", True, 14, 50) == (
        found["plan"],
        found["trial"]["active"],
        found["trial"]["daysLeft"],
        found["limits"]["exports"],
    )
    assert ["SUBSCRIPTION_CREATED"] == trail(newcomer)


def test_card_is_collected_during_trial(newcomer: Customer, stripe: StripeClient) -> None:
    """Nothing is charged yet, and the card that will be is there, and shown."""
    found = shown(newcomer, "trialing")
    assert ("visa", "4242") == (found["paymentMethod"]["brand"], found["paymentMethod"]["last4"])
    subscription = stripe.v1.subscriptions.retrieve(
        found["subscriptionId"], {"expand": ["default_payment_method", "latest_invoice"]}
    )
    assert ("4242", 0) == (
        subscription.default_payment_method.card.last4,  # type: ignore[union-attr]
        subscription.latest_invoice.amount_paid,  # type: ignore[union-attr]
    )


def test_trial_ends_and_charge_succeeds(after_trial: tuple[Customer, Customer], stripe: StripeClient) -> None:
    """The first month is paid for, and the plan goes on."""
    customer, _ = after_trial
    found = shown(customer, "active")
    (invoice, _) = stripe.v1.invoices.list({"customer": found["customerId"]}).data
    assert ("starter", False, "paid", 29_00) == (
        found["plan"],
        found["trial"]["active"],
        invoice.status,
        invoice.amount_paid,
    )
    assert {"SUBSCRIPTION_CREATED", "SUBSCRIPTION_UPDATED"} < {*trail(customer)}


def test_trial_ends_and_charge_fails_so_it_is_cancelled(
    after_trial: tuple[Customer, Customer], stripe: StripeClient
) -> None:
    """No grace: the subscription is over at Stripe and here, and what is free is left."""
    _, customer = after_trial
    found = shown(customer, "canceled")
    at_stripe = stripe.v1.subscriptions.retrieve(found["subscriptionId"])
    assert ("free", "canceled") == (found["plan"], at_stripe.status)
    entries = customer.audit_trail()
    (end,) = (entry for entry in entries if entry["action"] == "SUBSCRIPTION_CANCELED")
    assert "first_charge_failed" == end["details"]["after"]["canceled_for"]


def test_who_has_a_subscription_cannot_buy_another(after_trial: tuple[Customer, Customer]) -> None:
    """409; and who had a trial, and lost it, pays from the first day."""
    customer, unlucky = after_trial
    with pytest.raises(LocalError, match="409"):
        customer.buy("professional", GOOD)
    unlucky.buy("starter", GOOD)
    assert not shown(unlucky, "active")["trial"]["active"]
