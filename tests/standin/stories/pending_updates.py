"""Changes that wait for their payment: replaced, expired, overtaken by a schedule's phase, and in a trial."""

from datetime import timedelta
from typing import Any

from stripe import Subscription

from tests.standin.harness import START, Sandbox, Shop

FAILS = "pm_card_chargeCustomerFail"


def poor(shop: Shop, **more: Any) -> Subscription:  # noqa: ANN401 - any parameter
    """A subscription whose customer can pay no more."""
    customer = shop.customer()
    subscription = shop.subscribe(customer, **more)
    bad = shop.stripe.v1.payment_methods.attach(FAILS, {"customer": customer.id})
    shop.stripe.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": bad.id}})
    return subscription


def upgrade(shop: Shop, subscription: Subscription, **more: Any) -> Subscription:  # noqa: ANN401 - any parameter
    """Ask for the large plan, once it is paid."""
    params: Any = {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.large.id}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
        **more,
    }
    return shop.stripe.v1.subscriptions.update(subscription.id, params)


def replaced_and_expired(sandbox: Sandbox, shop: Shop) -> None:
    """A second update takes the first one's place, and expires."""
    subscription = poor(shop)
    upgrade(shop, subscription, metadata={"first": "yes"})
    more: Any = [{"id": subscription["items"].data[0].id, "price": shop.large.id, "quantity": 2}]
    upgrade(shop, subscription, items=more)
    shop.stripe.v1.invoices.list({"status": "void"})
    sandbox.move(START + timedelta(days=1))


def overtaken(sandbox: Sandbox, shop: Shop) -> None:
    """A schedule's phase begins while an update waits."""
    subscription = poor(shop)
    api = shop.stripe.v1.subscription_schedules
    made = api.create({"from_subscription": subscription.id})
    now = made.phases[0]
    items: Any = [{"price": shop.small.id, "quantity": 1}]
    phases: Any = [
        {"items": items, "start_date": now.start_date, "end_date": now.start_date + 3600},
        {"items": items, "duration": {"interval": "month"}, "metadata": {"a": "b"}},
    ]
    api.update(made.id, {"phases": phases})
    upgrade(shop, subscription)
    sandbox.move(START + timedelta(hours=2))


STORIES = (replaced_and_expired, overtaken)
