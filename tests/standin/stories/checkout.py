"""Sessions that are paid, with a card and without, and one that expires."""

from datetime import timedelta
from typing import Any

import stripe as sdk

from tests.standin.harness import START, Sandbox, Shop

DAY = timedelta(days=1)


def open_session(shop: Shop, **more: Any) -> sdk.checkout.Session:  # noqa: ANN401 - any parameter
    """A session with a trial on which somebody can pay."""
    params: Any = {
        "mode": "subscription",
        "success_url": "https://x.test",
        "line_items": [{"price": shop.small.id, "quantity": 1}],
        "expand": ["line_items.data.price.product"],
        **more,
    }
    return shop.stripe.v1.checkout.sessions.create(params)


def pay(sandbox: Sandbox, session: sdk.checkout.Session, **by: object) -> dict[str, Any]:
    """Pay on a session's page."""
    answer = sandbox.http.post(f"/_sandbox/checkout/sessions/{session.id}/complete", json=by)
    assert answer.status_code == 200, answer.text
    completed: dict[str, Any] = answer.json()
    return completed


def checkout(sandbox: Sandbox, shop: Shop) -> None:
    """Sessions paid with a trial and without, by a known customer and a new one, and one that expires."""
    api = shop.stripe.v1
    trial: Any = {"trial_period_days": 14, "metadata": {"a": "b"}}
    customer = api.customers.create({"name": "A", "address": {"country": "US"}, "metadata": {"a": "b"}})
    pay(
        sandbox,
        open_session(
            shop, customer=customer.id, subscription_data=trial, billing_address_collection="required"
        ),
        card="4242424242424242",
    )
    session = open_session(shop, allow_promotion_codes=True)
    coupon = api.coupons.create({"amount_off": 100, "currency": "usd", "duration": "once"})
    api.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "LESS"})
    pay(sandbox, session, card="4242424242424242", promotionCode="LESS")
    api.checkout.sessions.line_items.list(session.id)
    api.checkout.sessions.expire(open_session(shop, discounts=[{"coupon": coupon.id}]).id)
    api.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice", "customer"]})
    api.subscriptions.list({"expand": ["data.default_payment_method", "data.customer"]})
    api.invoices.list({"expand": ["data.discounts.source.coupon"]})
    api.promotion_codes.list()
    api.coupons.retrieve(coupon.id)
    sandbox.move(START + 15 * DAY)


def without_a_card(sandbox: Sandbox, shop: Shop) -> None:
    """Checkout, renewal, another default and its detachment, with no card anywhere."""
    api = shop.stripe.v1
    for kind in ("link", "cashapp", "sepa_debit", "us_bank_account"):
        pay(sandbox, open_session(shop), paymentMethod=kind)
    sandbox.move(START + 40 * DAY)
    for subscription in api.subscriptions.list({"expand": ["data.default_payment_method"]}).data:
        customer = str(subscription.customer)
        method = api.payment_methods.create({"type": "link", "billing_details": {"email": "a@example.com"}})
        api.payment_methods.attach(method.id, {"customer": customer})
        api.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
        api.customers.payment_methods.list(customer)
        api.payment_methods.detach(method.id)


STORIES = (checkout, without_a_card)
