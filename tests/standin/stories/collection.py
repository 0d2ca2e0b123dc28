"""How invoices are collected otherwise than at once: sent, left alone, retried to no end."""

from datetime import timedelta
from typing import Any

from tests.standin.harness import START, Sandbox, Shop

DAY = timedelta(days=1)
FAILS = "pm_card_chargeCustomerFail"


def sent(sandbox: Sandbox, shop: Shop) -> None:
    """A subscription's invoices are sent, and one of its own; both fall overdue."""
    api, customer = shop.stripe.v1, shop.customer()
    subscription = shop.subscribe(customer, collection_method="send_invoice", days_until_due=3)
    draft = api.invoices.create(
        {"customer": customer.id, "collection_method": "send_invoice", "days_until_due": 7, "footer": "f"}
    )
    api.invoice_items.create({"customer": customer.id, "invoice": draft.id, "amount": 5, "currency": "usd"})
    api.invoices.send_invoice(draft.id)
    sandbox.move(START + 8 * DAY)
    api.invoices.pay(str(subscription.latest_invoice))


def paused(sandbox: Sandbox, shop: Shop) -> None:
    """Collection rests in each of the three ways, and is taken up again."""
    api = shop.stripe.v1
    behaviors: Any = ("keep_as_draft", "mark_uncollectible", "void")
    for behavior in behaviors:
        subscription = shop.subscribe(shop.customer())
        resumes_at = int((START + 40 * DAY).timestamp())
        pause: Any = {"behavior": behavior, "resumes_at": resumes_at}
        api.subscriptions.update(subscription.id, {"pause_collection": pause})
    sandbox.move(START + 30 * DAY)
    api.invoices.list({"status": "draft"})
    sandbox.move(START + 41 * DAY)


def unpaid(sandbox: Sandbox, shop: Shop) -> None:
    """After the last retry a subscription is unpaid, and its invoices stay drafts."""
    sandbox.put("dunning", {"retryDays": [1], "finally": "unpaid"}).raise_for_status()
    shop.subscribe(shop.customer(FAILS), trial_period_days=1)
    sandbox.move(START + 34 * DAY)


def paused_after_trial(sandbox: Sandbox, shop: Shop) -> None:
    """A trial that ends without a payment method pauses the subscription, until it is resumed."""
    api = shop.stripe.v1
    customer = api.customers.create({})
    settings: Any = {"end_behavior": {"missing_payment_method": "pause"}}
    subscription = shop.subscribe(customer, trial_period_days=1, trial_settings=settings)
    sandbox.move(START + 2 * DAY)
    api.subscriptions.retrieve(subscription.id)
    method = api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    api.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    api.subscriptions.resume(subscription.id)


def not_finalised(sandbox: Sandbox, shop: Shop) -> None:
    """A renewal fails to finalise, is written off when it could be, and a held one waits."""
    api, customer = shop.stripe.v1, shop.customer()
    shop.subscribe(customer)
    sandbox.put("finalization", {"error": "customer_tax_location_invalid"}).raise_for_status()
    sandbox.move(START + 29 * DAY)
    draft = shop.invoices(customer)[-1]
    sandbox.put("finalization", {"error": None}).raise_for_status()
    until = int((START + 30 * DAY).timestamp())
    api.invoices.update(draft.id, {"automatically_finalizes_at": until})
    api.invoices.finalize_invoice(draft.id, {"auto_advance": False})
    api.invoices.mark_uncollectible(draft.id)


STORIES = (sent, paused, unpaid, paused_after_trial, not_finalised)
