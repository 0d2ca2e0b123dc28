"""Invoices that are sent, left alone, or cannot be finalised, and what is told of it."""

from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk

from tests.standin.harness import START, Sandbox, Shop

END = START + timedelta(days=28)
FINAL = END + timedelta(hours=1)
FAILS = "pm_card_chargeCustomerFail"


def stamp(moment: Any) -> int:  # noqa: ANN401 - a datetime
    """Stripe's timestamp."""
    return int(moment.timestamp())


def test_sent_invoices_are_not_charged(sandbox: Sandbox, shop: Shop) -> None:
    """With `send_invoice` a subscription is active at once; its invoice is final and sent an hour later."""
    customer = shop.customer()
    subscription = shop.subscribe(customer, collection_method="send_invoice", days_until_due=30)
    (draft,) = shop.invoices(customer)
    sandbox.move(START + timedelta(hours=1))
    (sent,) = shop.invoices(customer)
    assert ("active", "draft", "open", stamp(START + timedelta(days=30)), 0) == (
        subscription.status,
        draft.status,
        sent.status,
        sent.due_date,
        sent.attempt_count,
    )
    assert ["invoice.sent"] == shop.events("invoice.sent")


def test_sent_invoice_falls_overdue(sandbox: Sandbox, shop: Shop) -> None:
    """Unpaid at its due date, the subscription is past due; paid, it is active again."""
    customer = shop.customer()
    subscription = shop.subscribe(customer, collection_method="send_invoice", days_until_due=3)
    sandbox.move(START + timedelta(days=3))
    late = shop.stripe.v1.subscriptions.retrieve(subscription.id).status
    delinquent = shop.stripe.v1.customers.retrieve(customer.id).delinquent
    shop.stripe.v1.invoices.pay(shop.invoices(customer)[0].id)
    assert ("past_due", True, "active", False, ["invoice.overdue"]) == (
        late,
        delinquent,
        shop.stripe.v1.subscriptions.retrieve(subscription.id).status,
        shop.stripe.v1.customers.retrieve(customer.id).delinquent,
        shop.events("invoice.overdue"),
    )


def test_one_off_invoice_can_be_sent(shop: Shop) -> None:
    """A draft of its own is finalised and sent when told, and says until when it is due."""
    api, customer = shop.stripe.v1, shop.customer()
    with pytest.raises(sdk.InvalidRequestError, match="due_date"):
        api.invoices.create({"customer": customer.id, "collection_method": "send_invoice"})
    draft = api.invoices.create(
        {"customer": customer.id, "collection_method": "send_invoice", "days_until_due": 7}
    )
    api.invoice_items.create({"customer": customer.id, "invoice": draft.id, "amount": 700, "currency": "usd"})
    sent = api.invoices.send_invoice(draft.id)
    assert ("open", stamp(START + timedelta(days=7))) == (sent.status, sent.due_date)


def test_subscription_that_sends_must_say_when_it_is_due(shop: Shop) -> None:
    """`send_invoice` needs `days_until_due`."""
    with pytest.raises(sdk.InvalidRequestError, match="days_until_due"):
        shop.subscribe(shop.customer(), collection_method="send_invoice")


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible"), ("void", "void")],
)
def test_paused_collection_leaves_invoices_alone(
    sandbox: Sandbox,
    shop: Shop,
    behavior: Any,  # noqa: ANN401 - one of the SDK's literals
    status: str,
) -> None:
    """While collection is paused the subscription stays active, and its invoices become what was chosen."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    shop.stripe.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": behavior}})
    sandbox.move(FINAL)
    renewal = shop.invoices(customer)[-1]
    assert (status, False, 0, "active") == (
        renewal.status,
        renewal.auto_advance,
        renewal.attempt_count,
        shop.stripe.v1.subscriptions.retrieve(subscription.id).status,
    )


def test_invoice_made_before_the_pause_is_collected(sandbox: Sandbox, shop: Shop) -> None:
    """A pause concerns what is made while it lasts, also when it is over by then."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    sandbox.move(END)
    pause: Any = {"pause_collection": {"behavior": "void"}}
    shop.stripe.v1.subscriptions.update(subscription.id, pause)
    sandbox.move(END + timedelta(days=31))
    assert "draft" == shop.invoices(customer)[-1].status
    shop.stripe.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    sandbox.move(FINAL + timedelta(days=31))
    assert ["paid", "paid", "void"] == [invoice.status for invoice in shop.invoices(customer)]


def test_draft_kept_in_a_pause_can_be_collected_later(sandbox: Sandbox, shop: Shop) -> None:
    """Kept as a draft, an invoice does not advance until somebody finalises it so."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    pause: Any = {"pause_collection": {"behavior": "keep_as_draft"}}
    shop.stripe.v1.subscriptions.update(subscription.id, pause)
    sandbox.move(FINAL)
    kept = shop.invoices(customer)[-1]
    shop.stripe.v1.invoices.finalize_invoice(kept.id, {"auto_advance": True})
    sandbox.move(FINAL + timedelta(hours=1))
    assert ("draft", False, "paid") == (
        kept.status,
        kept.auto_advance,
        shop.stripe.v1.invoices.retrieve(kept.id).status,
    )


def test_paused_collection_resumes(sandbox: Sandbox, shop: Shop) -> None:
    """At `resumes_at`, or when the pause is unset, invoices are collected again."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    pause: Any = {"behavior": "void", "resumes_at": stamp(END - timedelta(days=1))}
    paused = shop.stripe.v1.subscriptions.update(subscription.id, {"pause_collection": pause})
    assert paused.pause_collection
    sandbox.move(FINAL)
    known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert (None, "paid") == (known.pause_collection, shop.invoices(customer)[-1].status)
    shop.stripe.v1.subscriptions.update(subscription.id, {"pause_collection": {"behavior": "void"}})
    unset = shop.stripe.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
    assert unset.pause_collection is None


def test_draft_that_cannot_be_finalised_stays_one(sandbox: Sandbox, shop: Shop) -> None:
    """A renewal that fails to finalise stays a draft, says why, and is finalised by hand later."""
    code = "customer_tax_location_invalid"
    customer = shop.customer()
    shop.subscribe(customer)
    sandbox.put("finalization", {"error": code}).raise_for_status()
    sandbox.move(FINAL + timedelta(hours=3))
    draft = shop.invoices(customer)[-1]
    assert draft.last_finalization_error
    assert ("draft", code, ["invoice.finalization_failed"]) == (
        draft.status,
        draft.last_finalization_error.code,
        shop.events("invoice.finalization_failed"),
    )
    with pytest.raises(sdk.InvalidRequestError) as raised:
        shop.stripe.v1.invoices.finalize_invoice(draft.id)
    sandbox.put("finalization", {"error": None}).raise_for_status()
    final = shop.stripe.v1.invoices.finalize_invoice(draft.id, {"auto_advance": True})
    assert (code, "open", None) == (raised.value.code, final.status, final.last_finalization_error)
    sandbox.move(FINAL + timedelta(hours=4))
    assert "paid" == shop.stripe.v1.invoices.retrieve(draft.id).status


def test_card_can_be_updated_and_replaced(sandbox: Sandbox, shop: Shop) -> None:
    """A card's expiry changes by the API's hand or by its bank's, and each is told by its own event."""
    customer = shop.customer()
    assert customer.invoice_settings
    method = str(customer.invoice_settings.default_payment_method)
    shop.stripe.v1.payment_methods.update(method, {"card": {"exp_month": 3}})
    sandbox.http.post(
        f"/_sandbox/payment_methods/{method}/replace", json={"expMonth": 4, "expYear": 2040}
    ).raise_for_status()
    card = shop.stripe.v1.payment_methods.retrieve(method).card
    assert card
    assert (4, 2040) == (card.exp_month, card.exp_year)
    expected = ["payment_method.updated", "payment_method.automatically_updated"]
    assert expected == shop.events("payment_method.updated", "payment_method.automatically")


def test_customer_is_delinquent_until_they_pay(shop: Shop) -> None:
    """A failed payment makes the customer delinquent, and a payment ends it; both are told."""
    customer = shop.customer(FAILS)
    subscription = shop.subscribe(customer)
    seen = [shop.stripe.v1.customers.retrieve(customer.id).delinquent]
    before = len(shop.events("customer.updated"))
    shop.stripe.v1.invoices.pay(str(subscription.latest_invoice), {"payment_method": "pm_card_visa"})
    seen.append(shop.stripe.v1.customers.retrieve(customer.id).delinquent)
    assert ([True, False], 1) == (seen, len(shop.events("customer.updated")) - before)


def test_balance_kept_by_an_invoice_updates_the_customer(sandbox: Sandbox, shop: Shop) -> None:
    """Credit that an invoice leaves behind changes the customer, and is told."""
    customer = shop.customer()
    subscription = shop.stripe.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": shop.large.id}]}
    )
    sandbox.move(START + timedelta(days=14))
    before = len(shop.events("customer.updated"))
    items: Any = [{"id": subscription.items.data[0].id, "price": shop.small.id}]
    shop.stripe.v1.subscriptions.update(
        subscription.id, {"items": items, "proration_behavior": "always_invoice"}
    )
    (event, *_) = shop.stripe.v1.events.list({"type": "customer.updated"}).data
    assert event.data.previous_attributes
    assert (1, {"balance": 0}) == (
        len(shop.events("customer.updated")) - before,
        event.data.previous_attributes.to_dict(),
    )


def test_deleted_item_and_voided_invoice_are_told(shop: Shop) -> None:
    """A deleted invoice item and a voided invoice each have their event."""
    api, customer = shop.stripe.v1, shop.customer(FAILS)
    item = api.invoice_items.create({"customer": customer.id, "amount": 700, "currency": "usd"})
    api.invoice_items.delete(item.id)
    api.invoices.void_invoice(str(shop.subscribe(customer).latest_invoice))
    assert ["invoiceitem.deleted", "invoice.voided"] == shop.events("invoiceitem.deleted", "invoice.voided")
