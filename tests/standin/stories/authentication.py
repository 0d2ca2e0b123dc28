"""Cards whose bank wants the customer: at Checkout, a first invoice, a renewal and an upgrade."""

from datetime import timedelta
from typing import Any

from tests.standin.harness import START, Sandbox, Shop
from tests.standin.stories.checkout import open_session, pay

ALWAYS, PM_ALWAYS = "4000002760003184", "pm_card_authenticationRequired"


def answer(sandbox: Sandbox, invoice: object, *, succeeds: bool) -> None:
    """Answer the bank for an invoice's payment."""
    path = f"/_sandbox/invoices/{invoice}/authenticate"
    sandbox.http.post(path, json={"succeeds": succeeds}).raise_for_status()


def first_payments(sandbox: Sandbox, shop: Shop) -> None:
    """One first payment waits, one is confirmed, one failed, and one is bought with by Checkout."""
    api = shop.stripe.v1
    shop.subscribe(shop.customer(PM_ALWAYS))
    for succeeds in (True, False):
        subscription = shop.subscribe(shop.customer(PM_ALWAYS))
        answer(sandbox, subscription.latest_invoice, succeeds=succeeds)
        expand = ["payments.data.payment.payment_intent"]
        api.invoices.retrieve(str(subscription.latest_invoice), {"expand": expand})
    pay(sandbox, open_session(shop), card=ALWAYS, authenticated=True)


def renewals_that_ask(sandbox: Sandbox, shop: Shop) -> None:
    """A renewal waits for its customer, and so does an upgrade; both are confirmed."""
    api = shop.stripe.v1
    pay(sandbox, open_session(shop), card=ALWAYS, authenticated=True)
    sandbox.move(START + timedelta(days=29))
    (subscription,) = api.subscriptions.list({"expand": ["data.latest_invoice.payments"]}).data
    api.invoice_payments.list({"expand": ["data.payment.payment_intent"]})
    (open_one,) = api.invoices.list({"status": "open"}).data
    answer(sandbox, open_one.id, succeeds=True)
    upgrade: Any = {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.large.id}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
    }
    waiting = api.subscriptions.update(subscription.id, upgrade)
    answer(sandbox, waiting.latest_invoice, succeeds=True)


STORIES = (first_payments, renewals_that_ask)
