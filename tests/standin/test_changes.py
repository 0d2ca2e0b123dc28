"""Changing, cancelling, scheduling."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe import Customer, Subscription

from tests.standin.harness import START, Sandbox, Shop

FAILS = "pm_card_chargeCustomerFail"
# February's period lasts 28 days from START; half of it is over then.
HALF = START + timedelta(days=14)
END = START + timedelta(days=28)


def stamp(instant: datetime) -> int:
    """Stripe's timestamp."""
    return int(instant.timestamp())


def subscribed(shop: Shop, **more: Any) -> tuple[Customer, Subscription]:  # noqa: ANN401 - any parameter
    """A customer of the small plan."""
    customer = shop.customer()
    return customer, shop.subscribe(customer, **more)


def switch(shop: Shop, subscription: Subscription, price: str, **more: Any) -> Subscription:  # noqa: ANN401
    """Swap the licensed item's price."""
    items = [{"id": subscription.items.data[0].id, "price": price}]
    params: Any = {"items": items, **more}
    return shop.stripe.v1.subscriptions.update(subscription.id, params)


def use_failing_card(shop: Shop, customer: Customer) -> None:
    """Make the default card one that will decline."""
    method = shop.stripe.v1.payment_methods.attach(FAILS, {"customer": customer.id})
    shop.stripe.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})


def test_upgrade_is_prorated_and_paid_now(sandbox: Sandbox, shop: Shop) -> None:
    """`always_invoice` credits the unused half of the old price and charges the new one's half at once."""
    customer, subscription = subscribed(shop)
    sandbox.move(HALF)
    changed = switch(shop, subscription, shop.large.id, proration_behavior="always_invoice")
    invoice = shop.invoices(customer)[-1]
    assert (shop.large.id, [-1000, 2500], 1500, "paid", "subscription_update") == (
        changed.items.data[0].price.id,
        [line.amount for line in invoice.lines.data],
        invoice.amount_paid,
        invoice.status,
        invoice.billing_reason,
    )


def test_credit_is_of_what_was_really_debited(sandbox: Sandbox, shop: Shop) -> None:
    """A second change credits what the first one charged, not the price's face value."""
    customer, subscription = subscribed(shop)
    sandbox.move(HALF)
    switch(shop, subscription, shop.large.id, proration_behavior="none")
    switch(shop, subscription, shop.small.id, proration_behavior="always_invoice")
    invoice = shop.invoices(customer)[-1]
    assert [-1000, 1000] == [line.amount for line in invoice.lines.data]


def test_prorations_wait_for_the_renewal(sandbox: Sandbox, shop: Shop) -> None:
    """`create_prorations` leaves pending items that the renewal takes."""
    customer, subscription = subscribed(shop)
    sandbox.move(HALF)
    switch(shop, subscription, shop.large.id, proration_behavior="create_prorations")
    sandbox.move(END + timedelta(hours=1))
    assert [5000, -1000, 2500] == [line.amount for line in shop.invoices(customer)[-1].lines.data]


def test_downgrade_credit_is_kept_for_later(sandbox: Sandbox, shop: Shop) -> None:
    """A negative invoice pays nothing back: it becomes the customer's balance, which the next one uses."""
    customer = shop.customer()
    subscription = shop.stripe.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": shop.large.id}]}
    )
    sandbox.move(HALF)
    switch(shop, subscription, shop.small.id, proration_behavior="always_invoice")
    balance = shop.stripe.v1.customers.retrieve(customer.id).balance
    sandbox.move(END + timedelta(hours=1))
    renewal = shop.invoices(customer)[-1]
    assert (-1500, 2000, 500) == (balance, renewal.total, renewal.amount_paid)


def test_failed_upgrade_stays_pending(shop: Shop) -> None:
    """With `pending_if_incomplete` a decline changes nothing but `pending_update`."""
    customer, subscription = subscribed(shop)
    use_failing_card(shop, customer)
    changed = switch(
        shop,
        subscription,
        shop.large.id,
        proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )
    assert ("active", shop.small.id) == (changed.status, changed.items.data[0].price.id)
    assert changed.pending_update
    assert changed.pending_update.subscription_items
    assert changed.pending_update.subscription_items[0].price.id == shop.large.id


def test_pending_upgrade_takes_effect_when_paid(shop: Shop) -> None:
    """Paying the open invoice applies the pending update."""
    customer, subscription = subscribed(shop)
    use_failing_card(shop, customer)
    pending = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    changed = switch(shop, subscription, shop.large.id, **pending)
    shop.stripe.v1.invoices.pay(str(changed.latest_invoice), {"payment_method": "pm_card_visa"})
    known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert (shop.large.id, None) == (known.items.data[0].price.id, known.pending_update)


def test_pending_upgrade_expires(sandbox: Sandbox, shop: Shop) -> None:
    """An unpaid pending update is dropped after 23 hours and its invoice is void."""
    customer, subscription = subscribed(shop)
    use_failing_card(shop, customer)
    pending = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}
    switch(shop, subscription, shop.large.id, **pending)
    sandbox.move(START + timedelta(hours=23))
    known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert (shop.small.id, None, "void") == (
        known.items.data[0].price.id,
        known.pending_update,
        shop.invoices(customer)[-1].status,
    )


def test_pending_update_refuses_other_parameters(shop: Shop) -> None:
    """Pending updates support few parameters; others are refused rather than dropped."""
    _, subscription = subscribed(shop)
    with pytest.raises(sdk.InvalidRequestError, match="cancel_at_period_end"):
        switch(
            shop,
            subscription,
            shop.large.id,
            payment_behavior="pending_if_incomplete",
            cancel_at_period_end=True,
        )


def test_declined_upgrade_is_an_error_if_asked(shop: Shop) -> None:
    """With `error_if_incomplete` a decline is a 402 and nothing changes."""
    customer, subscription = subscribed(shop)
    use_failing_card(shop, customer)
    with pytest.raises(sdk.CardError):
        switch(
            shop,
            subscription,
            shop.large.id,
            proration_behavior="always_invoice",
            payment_behavior="error_if_incomplete",
        )
    assert (shop.small.id, 1) == (
        shop.stripe.v1.subscriptions.retrieve(subscription.id).items.data[0].price.id,
        len(shop.invoices(customer)),
    )


def test_change_in_trial_costs_nothing(shop: Shop) -> None:
    """A trial has debited nothing, so a change bills nothing."""
    customer, subscription = subscribed(shop, trial_period_days=14)
    changed = switch(shop, subscription, shop.large.id, proration_behavior="always_invoice")
    assert ("trialing", shop.large.id, 1) == (
        changed.status,
        changed.items.data[0].price.id,
        len(shop.invoices(customer)),
    )


def test_items_can_be_changed_by_themselves(shop: Shop) -> None:
    """An item can be added to and removed from a subscription without naming the others."""
    customer = shop.customer()
    subscription = shop.stripe.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": shop.small.id}]}
    )
    api = shop.stripe.v1.subscription_items
    added = api.create({"subscription": subscription.id, "price": shop.large.id})
    listed = [item.price.id for item in api.list({"subscription": subscription.id}).data]
    deleted = api.delete(added.id).deleted
    assert ([shop.small.id, shop.large.id], True, 1) == (
        listed,
        deleted,
        len(api.list({"subscription": subscription.id}).data),
    )


def test_trial_can_end_now(shop: Shop) -> None:
    """`trial_end=now` begins the first paid period."""
    customer, subscription = subscribed(shop, trial_period_days=14)
    changed = shop.stripe.v1.subscriptions.update(subscription.id, {"trial_end": "now"})
    assert ("active", stamp(END), 2000) == (
        changed.status,
        changed.items.data[0].current_period_end,
        shop.invoices(customer)[-1].total,
    )


def test_cancel_at_period_end(sandbox: Sandbox, shop: Shop) -> None:
    """Cancelled at the period's end, it runs till then, and bills nothing for after."""
    customer, subscription = subscribed(shop)
    asked = shop.stripe.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    sandbox.move(END + timedelta(hours=1))
    ended = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert ("active", stamp(END), "canceled", stamp(END), 1) == (
        asked.status,
        asked.cancel_at,
        ended.status,
        ended.ended_at,
        len(shop.invoices(customer)),
    )
    assert "customer.subscription.deleted" in shop.events("customer.subscription")


def test_cancellation_can_be_taken_back(sandbox: Sandbox, shop: Shop) -> None:
    """Until the period ends, the cancellation can be undone."""
    _, subscription = subscribed(shop)
    shop.stripe.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    resumed = shop.stripe.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    sandbox.move(END + timedelta(hours=1))
    assert (None, "active") == (
        resumed.cancel_at,
        shop.stripe.v1.subscriptions.retrieve(subscription.id).status,
    )


def test_cancel_now_with_a_final_invoice(sandbox: Sandbox, shop: Shop) -> None:
    """`invoice_now` bills what is pending; `prorate` credits the unused time."""
    customer, subscription = subscribed(shop)
    shop.stripe.v1.invoice_items.create(
        {"customer": customer.id, "subscription": subscription.id, "amount": 3000, "currency": "usd"}
    )
    sandbox.move(HALF)
    ended = shop.stripe.v1.subscriptions.cancel(subscription.id, {"invoice_now": True, "prorate": True})
    last = shop.invoices(customer)[-1]
    assert ("canceled", [3000, -1000], 2000, "paid") == (
        ended.status,
        [line.amount for line in last.lines.data],
        last.total,
        last.status,
    )


def test_cancel_now_without_invoice_bills_nothing(sandbox: Sandbox, shop: Shop) -> None:
    """Without `invoice_now` there is no last invoice."""
    customer, subscription = subscribed(shop)
    sandbox.move(HALF)
    shop.stripe.v1.subscriptions.cancel(subscription.id)
    sandbox.move(END + timedelta(hours=2))
    assert len(shop.invoices(customer)) == 1


def test_deleting_a_customer_cancels(shop: Shop) -> None:
    """A deleted customer's subscriptions end at once."""
    customer, subscription = subscribed(shop)
    shop.stripe.v1.customers.delete(customer.id)
    assert ("canceled", True, ["customer.deleted"]) == (
        shop.stripe.v1.subscriptions.retrieve(subscription.id).status,
        shop.stripe.v1.customers.retrieve(customer.id).deleted,
        shop.events("customer.deleted"),
    )


def downgrade_by_schedule(shop: Shop, subscription: Subscription) -> str:
    """Schedule the small plan from the period's end on."""
    api = shop.stripe.v1.subscription_schedules
    schedule = api.create({"from_subscription": subscription.id})
    phases: Any = [
        {
            "items": [{"price": shop.large.id, "quantity": 1}],
            "start_date": schedule.phases[0].start_date,
            "end_date": schedule.phases[0].end_date,
        },
        {"items": [{"price": shop.small.id, "quantity": 1}]},
    ]
    api.update(schedule.id, {"end_behavior": "release", "phases": phases})
    return schedule.id


def test_scheduled_downgrade_waits_for_the_period_end(sandbox: Sandbox, shop: Shop) -> None:
    """The phase begins with the period: the renewal bills the new price ahead."""
    customer = shop.customer()
    subscription = shop.stripe.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": shop.large.id}]}
    )
    downgrade_by_schedule(shop, subscription)
    sandbox.move(END - timedelta(seconds=1))
    before = shop.stripe.v1.subscriptions.retrieve(subscription.id).items.data[0].price.id
    sandbox.move(END + timedelta(hours=1))
    after = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert (shop.large.id, shop.small.id, subscription.items.data[0].id, [2000]) == (
        before,
        after.items.data[0].price.id,
        after.items.data[0].id,
        [line.amount for line in shop.invoices(customer)[-1].lines.data],
    )


def test_schedule_releases_after_its_last_phase(sandbox: Sandbox, shop: Shop) -> None:
    """After the last phase the subscription goes on by itself."""
    customer = shop.customer()
    subscription = shop.stripe.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": shop.large.id}]}
    )
    schedule = downgrade_by_schedule(shop, subscription)
    sandbox.move(datetime(2026, 4, 1, tzinfo=UTC))
    assert ("released", None) == (
        shop.stripe.v1.subscription_schedules.retrieve(schedule).status,
        shop.stripe.v1.subscriptions.retrieve(subscription.id).schedule,
    )


def test_released_schedule_changes_nothing(sandbox: Sandbox, shop: Shop) -> None:
    """A schedule released in time leaves the plan as it is."""
    customer = shop.customer()
    subscription = shop.stripe.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": shop.large.id}]}
    )
    shop.stripe.v1.subscription_schedules.release(downgrade_by_schedule(shop, subscription))
    sandbox.move(END + timedelta(hours=1))
    known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert (None, shop.large.id) == (known.schedule, known.items.data[0].price.id)
