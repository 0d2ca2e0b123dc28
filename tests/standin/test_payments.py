"""Payments that fail: what becomes of the invoice and of the subscription."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe as sdk

from tests.standin.harness import START, Sandbox, Shop

FAILS = "pm_card_chargeCustomerFail"
TRIAL_END = START + timedelta(days=14)
FINAL = TRIAL_END + timedelta(hours=1)


@pytest.mark.parametrize("number", ["4000000000000002", "4000000000009995", "4000000000000069"])
def test_bad_card_cannot_be_attached(shop: Shop, number: str) -> None:
    """Cards that decline or have expired are refused when saved."""
    method = shop.stripe.v1.payment_methods.create(
        {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"}}
    )
    customer = shop.stripe.v1.customers.create({})
    with pytest.raises(sdk.CardError):
        shop.stripe.v1.payment_methods.attach(method.id, {"customer": customer.id})


def test_detached_card_is_forgotten(shop: Shop) -> None:
    """A detached card is no longer the customer's, nor their default."""
    customer = shop.customer()
    assert customer.invoice_settings
    shop.stripe.v1.payment_methods.detach(str(customer.invoice_settings.default_payment_method))
    known = shop.stripe.v1.customers.retrieve(customer.id)
    assert known.invoice_settings
    assert (None, []) == (
        known.invoice_settings.default_payment_method,
        shop.stripe.v1.customers.payment_methods.list(customer.id).data,
    )


def test_unpaid_first_invoice_is_incomplete(shop: Shop) -> None:
    """A subscription whose first payment fails begins incomplete, its invoice open."""
    customer = shop.customer(FAILS)
    subscription = shop.subscribe(customer)
    assert ("incomplete", "open") == (subscription.status, shop.invoices(customer)[0].status)


def test_incomplete_expires_after_23_hours(sandbox: Sandbox, shop: Shop) -> None:
    """An incomplete subscription that nobody pays expires, and its invoice is void."""
    customer = shop.customer(FAILS)
    subscription = shop.subscribe(customer)
    sandbox.move(START + timedelta(hours=23))
    known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert ("incomplete_expired", "void") == (known.status, shop.invoices(customer)[0].status)


def test_error_if_incomplete_makes_nothing(shop: Shop) -> None:
    """With `error_if_incomplete` a decline is a 402 and there is no subscription."""
    with pytest.raises(sdk.CardError):
        shop.subscribe(shop.customer(FAILS), payment_behavior="error_if_incomplete")
    assert shop.stripe.v1.subscriptions.list({"status": "all"}).data == []


def test_failed_renewal_is_past_due(sandbox: Sandbox, shop: Shop) -> None:
    """A renewal that cannot be paid leaves the invoice open and the subscription past due."""
    customer = shop.customer(FAILS)
    subscription = shop.subscribe(customer, trial_period_days=14)
    sandbox.move(FINAL)
    known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    invoice = shop.invoices(customer)[-1]
    assert ("past_due", "open", 1, int((FINAL + timedelta(days=3)).timestamp())) == (
        known.status,
        invoice.status,
        invoice.attempt_count,
        invoice.next_payment_attempt,
    )
    assert shop.events("invoice.payment")[-1] == "invoice.payment_failed"


def test_retry_with_a_new_card_recovers(sandbox: Sandbox, shop: Shop) -> None:
    """A retry charges the card that is then the default; the subscription is active again."""
    customer = shop.customer(FAILS)
    subscription = shop.subscribe(customer, trial_period_days=14)
    sandbox.move(FINAL)
    method = shop.stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    shop.stripe.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    sandbox.move(FINAL + timedelta(days=3))
    assert ("active", "paid") == (
        shop.stripe.v1.subscriptions.retrieve(subscription.id).status,
        shop.invoices(customer)[-1].status,
    )


@pytest.mark.parametrize("finally_", ["canceled", "unpaid", "past_due"])
def test_last_retry_decides(sandbox: Sandbox, shop: Shop, finally_: str) -> None:
    """After the last retry the account's setting decides what becomes of the subscription."""
    sandbox.put("dunning", {"retryDays": [1, 1], "finally": finally_})
    subscription = shop.subscribe(shop.customer(FAILS), trial_period_days=14)
    sandbox.move(FINAL + timedelta(days=3))
    assert finally_ == shop.stripe.v1.subscriptions.retrieve(subscription.id).status


def test_expired_card_fails_at_renewal(sandbox: Sandbox, shop: Shop) -> None:
    """A card works to the end of its month and not after."""
    customer = shop.stripe.v1.customers.create({})
    method = shop.stripe.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4242424242424242", "exp_month": 2, "exp_year": 2026}}
    )
    shop.stripe.v1.payment_methods.attach(method.id, {"customer": customer.id})
    subscription = shop.subscribe(customer, default_payment_method=method.id)
    sandbox.move(datetime(2026, 2, 28, 14, tzinfo=UTC))
    in_time = shop.stripe.v1.subscriptions.retrieve(subscription.id).status
    sandbox.move(datetime(2026, 3, 31, 14, tzinfo=UTC))
    assert ("active", "past_due") == (
        in_time,
        shop.stripe.v1.subscriptions.retrieve(subscription.id).status,
    )


def test_paying_by_hand_settles_an_open_invoice(shop: Shop) -> None:
    """`pay` with another card settles the invoice and activates the subscription."""
    customer = shop.customer(FAILS)
    subscription = shop.subscribe(customer)
    paid = shop.stripe.v1.invoices.pay(str(subscription.latest_invoice), {"payment_method": "pm_card_visa"})
    assert ("paid", "active") == (
        paid.status,
        shop.stripe.v1.subscriptions.retrieve(subscription.id).status,
    )


def test_declined_pay_is_a_card_error(shop: Shop) -> None:
    """`pay` with a card that declines answers 402 and counts the attempt."""
    subscription = shop.subscribe(shop.customer(FAILS))
    with pytest.raises(sdk.CardError):
        shop.stripe.v1.invoices.pay(str(subscription.latest_invoice))
    assert shop.stripe.v1.invoices.retrieve(str(subscription.latest_invoice)).attempt_count == 2
