"""Subscriptions that renew, change and end."""

from datetime import timedelta
from typing import Any

from tests.standin.harness import START, Sandbox, Shop

DAY = timedelta(days=1)
FAILS = "pm_card_chargeCustomerFail"


def renewals(sandbox: Sandbox, shop: Shop) -> None:
    """Two months with usage, the trial's end among them."""
    customer = shop.customer()
    shop.subscribe(customer, trial_period_days=3)
    sandbox.move(START + 4 * DAY)
    shop.use(customer, 5, "a", START + 4 * DAY)
    shop.use(customer, 5, "b", START + 4 * DAY)
    shop.stripe.v1.billing.meter_event_adjustments.create(
        {"event_name": "switch", "type": "cancel", "cancel": {"identifier": "b"}}
    )
    sandbox.move(START + 40 * DAY)
    shop.stripe.v1.invoices.list({"expand": ["data.payments"]})
    shop.stripe.v1.billing.meters.event_summaries.list(
        shop.meter.id,
        {
            "customer": customer.id,
            "start_time": int(START.timestamp()) // 60 * 60,
            "end_time": int((START + 5 * DAY).timestamp()) // 60 * 60,
        },
    )


def failures(sandbox: Sandbox, shop: Shop) -> None:
    """A renewal that fails, its retries and the end; a first payment that never comes."""
    api = shop.stripe.v1
    subscription = shop.subscribe(shop.customer(FAILS), trial_period_days=1)
    shop.subscribe(shop.customer(FAILS))
    sandbox.move(START + 3 * DAY)
    latest = str(api.subscriptions.retrieve(subscription.id).latest_invoice)
    api.invoices.retrieve(latest, {"expand": ["payments.data.payment.payment_intent"]})
    api.invoice_payments.list({"invoice": latest})
    sandbox.move(START + 40 * DAY)


def changes(sandbox: Sandbox, shop: Shop) -> None:
    """Upgrades that are paid, pending and applied, changes of items, cancelling and taking it back."""
    api = shop.stripe.v1
    subscription = shop.subscribe(shop.customer())
    item = subscription["items"].data[0]
    upgrade: Any = {
        "items": [{"id": item.id, "price": shop.large.id}],
        "proration_behavior": "always_invoice",
    }
    sandbox.move(START + 5 * DAY)
    api.subscriptions.update(subscription.id, upgrade)
    api.subscription_items.list({"subscription": subscription.id})
    api.subscription_items.update(item.id, {"quantity": 2})
    api.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    api.subscriptions.update(subscription.id, {"cancel_at_period_end": False, "metadata": {"a": "b"}})
    poor = shop.customer()
    other = shop.subscribe(poor, discounts=[{"coupon": api.coupons.create({"percent_off": 10}).id}])
    bad = api.payment_methods.attach(FAILS, {"customer": poor.id})
    api.customers.update(poor.id, {"invoice_settings": {"default_payment_method": bad.id}})
    pending: Any = {
        **upgrade,
        "items": [{"id": other["items"].data[0].id, "price": shop.large.id}],
        "payment_behavior": "pending_if_incomplete",
    }
    api.subscriptions.update(other.id, pending)
    good = api.payment_methods.attach("pm_card_visa", {"customer": poor.id})
    latest = str(api.subscriptions.retrieve(other.id).latest_invoice)
    api.invoices.pay(latest, {"payment_method": good.id})
    api.subscriptions.cancel(
        other.id, {"invoice_now": True, "prorate": True, "cancellation_details": {"comment": "x"}}
    )
    sandbox.move(START + 40 * DAY)


STORIES = (renewals, failures, changes)
