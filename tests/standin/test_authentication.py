"""Cards whose bank wants the customer: at Checkout, at a renewal, at an upgrade."""

from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe import Customer, Invoice, PaymentIntent

from tests.standin.harness import START, Sandbox, Shop

# docs.stripe.com/testing#regulatory-cards
ONCE, ALWAYS, THREE_D_SECURE = "4000002500003155", "4000002760003184", "4000000000003220"
PM_ONCE, PM_ALWAYS = "pm_card_authenticationRequiredOnSetup", "pm_card_authenticationRequired"
END = START + timedelta(days=28)
FINAL = END + timedelta(hours=1)


def intent_of(shop: Shop, invoice: Invoice) -> PaymentIntent:
    """The payment intent of an invoice."""
    expand = ["payments.data.payment.payment_intent"]
    payments = shop.stripe.v1.invoices.retrieve(invoice.id, {"expand": expand}).payments
    assert payments
    intent = payments.data[0].payment.payment_intent
    assert isinstance(intent, PaymentIntent)
    return intent


def authenticate(sandbox: Sandbox, invoice: Invoice, *, succeeds: bool) -> None:
    """Answer the bank for an invoice's payment."""
    path = f"/_sandbox/invoices/{invoice.id}/authenticate"
    sandbox.http.post(path, json={"succeeds": succeeds}).raise_for_status()


def buy(sandbox: Sandbox, shop: Shop, card: str, **more: Any) -> Any:  # noqa: ANN401 - JSON
    """Open a session and complete it with a card."""
    params: Any = {
        "mode": "subscription",
        "success_url": "https://x.test",
        "line_items": [{"price": shop.small.id, "quantity": 1}],
    }
    session = shop.stripe.v1.checkout.sessions.create(params)
    path = f"/_sandbox/checkout/sessions/{session.id}/complete"
    return sandbox.http.post(path, json={"card": card, **more})


def use_card(shop: Shop, customer: Customer, card: str) -> None:
    """Make a card the customer's default, without setting it up."""
    method = shop.stripe.v1.payment_methods.attach(card, {"customer": customer.id})
    shop.stripe.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})


@pytest.mark.parametrize("card", [ONCE, ALWAYS, THREE_D_SECURE])
def test_first_purchase_asks_for_the_customer(sandbox: Sandbox, shop: Shop, card: str) -> None:
    """Without authentication nothing is bought and the session stays open; with it, it is paid."""
    refused = buy(sandbox, shop, card)
    nothing = shop.stripe.v1.subscriptions.list({"status": "all"}).data
    paid = buy(sandbox, shop, card, authenticated=True)
    (subscription,) = shop.stripe.v1.subscriptions.list().data
    assert (402, "payment_intent_authentication_failure", [], 200, "active") == (
        refused.status_code,
        refused.json()["error"]["code"],
        nothing,
        paid.status_code,
        subscription.status,
    )


def test_card_set_up_at_checkout_renews_by_itself(sandbox: Sandbox, shop: Shop) -> None:
    """A card that asks only once renews without its owner after they authenticated at Checkout."""
    buy(sandbox, shop, ONCE, authenticated=True)
    sandbox.move(FINAL)
    assert ["paid", "paid"] == [invoice.status for invoice in shop.stripe.v1.invoices.list().data]


@pytest.mark.parametrize("card", [ALWAYS, THREE_D_SECURE])
def test_renewal_waits_for_the_customer(sandbox: Sandbox, shop: Shop, card: str) -> None:
    """A card that always asks leaves the renewal open and the subscription past due, and is not retried."""
    buy(sandbox, shop, card, authenticated=True)
    sandbox.move(FINAL)
    (renewal, _) = shop.stripe.v1.invoices.list().data
    (subscription,) = shop.stripe.v1.subscriptions.list().data
    intent = intent_of(shop, renewal)
    assert intent.next_action
    assert ("open", "past_due", "requires_action", "use_stripe_sdk", None) == (
        renewal.status,
        subscription.status,
        intent.status,
        intent.next_action.type,
        renewal.next_payment_attempt,
    )
    assert ["invoice.payment_failed", "invoice.payment_action_required"] == shop.events(
        "invoice.payment_failed", "invoice.payment_action"
    )
    authenticate(sandbox, renewal, succeeds=True)
    assert ("paid", "active", "succeeded") == (
        shop.stripe.v1.invoices.retrieve(renewal.id).status,
        shop.stripe.v1.subscriptions.retrieve(subscription.id).status,
        intent_of(shop, renewal).status,
    )


def test_failed_authentication_wants_another_card(sandbox: Sandbox, shop: Shop) -> None:
    """Whoever fails to authenticate has not paid; another card settles the invoice."""
    customer = shop.customer(PM_ALWAYS)
    subscription = shop.subscribe(customer)
    (invoice,) = shop.invoices(customer)
    authenticate(sandbox, invoice, succeeds=False)
    failed = intent_of(shop, invoice)
    assert failed.last_payment_error
    assert ("requires_payment_method", "payment_intent_authentication_failure", "open") == (
        failed.status,
        failed.last_payment_error.code,
        shop.stripe.v1.invoices.retrieve(invoice.id).status,
    )
    shop.stripe.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"})
    assert "active" == shop.stripe.v1.subscriptions.retrieve(subscription.id).status


def test_first_invoice_that_asks_is_incomplete(sandbox: Sandbox, shop: Shop) -> None:
    """A subscription made without the customer begins incomplete until they authenticate."""
    customer = shop.customer(PM_ONCE)
    subscription = shop.subscribe(customer)
    (invoice,) = shop.invoices(customer)
    assert ("incomplete", "requires_action") == (subscription.status, intent_of(shop, invoice).status)
    authenticate(sandbox, invoice, succeeds=True)
    assert "active" == shop.stripe.v1.subscriptions.retrieve(subscription.id).status
    sandbox.move(FINAL)
    assert "paid" == shop.invoices(customer)[-1].status


def test_error_if_incomplete_says_that_action_is_required(shop: Shop) -> None:
    """With `error_if_incomplete` a card that asks is a 402, and there is no subscription."""
    with pytest.raises(sdk.CardError) as raised:
        shop.subscribe(shop.customer(PM_ALWAYS), payment_behavior="error_if_incomplete")
    assert "subscription_payment_intent_requires_action" == raised.value.code
    assert [] == shop.stripe.v1.subscriptions.list({"status": "all"}).data


def test_paying_by_api_needs_the_customer(shop: Shop) -> None:
    """`pay` with a card that asks is a 402."""
    subscription = shop.subscribe(shop.customer(PM_ALWAYS))
    with pytest.raises(sdk.CardError) as raised:
        shop.stripe.v1.invoices.pay(str(subscription.latest_invoice))
    assert "invoice_payment_intent_requires_action" == raised.value.code


def test_upgrade_waits_for_the_customer(sandbox: Sandbox, shop: Shop) -> None:
    """A pending upgrade takes effect when the customer authenticates."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    use_card(shop, customer, PM_ALWAYS)
    params: Any = {
        "items": [{"id": subscription.items.data[0].id, "price": shop.large.id}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
    }
    changed = shop.stripe.v1.subscriptions.update(subscription.id, params)
    waiting = shop.invoices(customer)[-1]
    intent = intent_of(shop, waiting)
    authenticate(sandbox, waiting, succeeds=True)
    known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert (shop.small.id, "requires_action", shop.large.id, None) == (
        changed.items.data[0].price.id,
        intent.status,
        known.items.data[0].price.id,
        known.pending_update,
    )


def test_voided_invoice_cancels_its_payment(shop: Shop) -> None:
    """Nobody can pay any more what was voided: its intent is canceled, which is told."""
    subscription = shop.subscribe(shop.customer(PM_ALWAYS))
    void = shop.stripe.v1.invoices.void_invoice(str(subscription.latest_invoice))
    intent = intent_of(shop, void)
    assert ("canceled", "void_invoice", None, ["payment_intent.canceled"]) == (
        intent.status,
        intent.cancellation_reason,
        intent.next_action,
        shop.events("payment_intent"),
    )


def test_nothing_to_authenticate_is_refused(sandbox: Sandbox, shop: Shop) -> None:
    """A paid invoice waits for nobody."""
    subscription = shop.subscribe(shop.customer())
    path = f"/_sandbox/invoices/{subscription.latest_invoice}/authenticate"
    assert 400 == sandbox.http.post(path, json={"succeeds": True}).status_code


def test_hosted_invoice_asks_the_customer(sandbox: Sandbox, shop: Shop) -> None:
    """The invoice's own page confirms or fails the payment."""
    customer = shop.customer(PM_ALWAYS)
    shop.subscribe(customer)
    (invoice,) = shop.invoices(customer)
    page = str(invoice.hosted_invoice_url)
    assert "Complete authentication" in sandbox.http.get(page).text
    sandbox.http.post(f"{page}/authenticate", data={"authenticated": "yes"})
    assert "Complete authentication" not in sandbox.http.get(page).text
    assert "paid" == shop.invoices(customer)[0].status


def test_hosted_invoice_lets_the_customer_fail(sandbox: Sandbox, shop: Shop) -> None:
    """On the same page the customer can fail to authenticate: the payment wants another card."""
    customer = shop.customer(PM_ALWAYS)
    shop.subscribe(customer)
    (invoice,) = shop.invoices(customer)
    page = str(invoice.hosted_invoice_url)
    assert "Fail authentication" in sandbox.http.get(page).text
    sandbox.http.post(f"{page}/authenticate", data={"authenticated": "no"})
    assert ("open", "requires_payment_method") == (
        shop.invoices(customer)[0].status,
        intent_of(shop, invoice).status,
    )


@pytest.mark.parametrize(("answer", "status"), [("yes", 303), ("no", 402)])
def test_checkout_page_asks_the_customer(sandbox: Sandbox, shop: Shop, answer: str, status: int) -> None:
    """Between the card and the success URL stands the bank's question."""
    params: Any = {
        "mode": "subscription",
        "success_url": "https://x.test",
        "line_items": [{"price": shop.small.id, "quantity": 1}],
    }
    path = f"/checkout/{shop.stripe.v1.checkout.sessions.create(params).id}"
    asked = sandbox.http.post(path, data={"card": ALWAYS})
    answered = sandbox.http.post(path, data={"card": ALWAYS, "authenticated": answer})
    assert (200, True, status) == (asked.status_code, ALWAYS in asked.text, answered.status_code)


def test_what_is_no_card_asks_nobody(sandbox: Sandbox, shop: Shop) -> None:
    """Paying by Link leaves what was typed into the card's field aside, and the bank with it."""
    params: Any = {
        "mode": "subscription",
        "success_url": "https://x.test",
        "line_items": [{"price": shop.small.id, "quantity": 1}],
    }
    path = f"/checkout/{shop.stripe.v1.checkout.sessions.create(params).id}"
    assert 303 == sandbox.http.post(path, data={"card": ALWAYS, "paymentMethod": "link"}).status_code


def test_portal_sets_a_card_up(sandbox: Sandbox, shop: Shop) -> None:
    """A card changed in the portal is authenticated there, and renews by itself."""
    features: Any = {"payment_method_update": {"enabled": True}}
    shop.stripe.v1.billing_portal.configurations.create({"features": features})
    customer = shop.customer()
    shop.subscribe(customer)
    session = shop.stripe.v1.billing_portal.sessions.create({"customer": customer.id})
    path = f"/portal/{session.id}/card"
    asked = sandbox.http.post(path, data={"card": ONCE})
    failed = sandbox.http.post(path, data={"card": ONCE, "authenticated": "no"})
    changed = sandbox.http.post(path, data={"card": ONCE, "authenticated": "yes"})
    sandbox.move(FINAL)
    assert (200, 402, 303, "paid") == (
        asked.status_code,
        failed.status_code,
        changed.status_code,
        shop.invoices(customer)[-1].status,
    )
