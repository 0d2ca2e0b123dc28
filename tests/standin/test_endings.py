"""What a cancellation, a schedule and a second change do to what was under way."""

from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe import Customer, Subscription, SubscriptionSchedule

from tests.standin.harness import START, Sandbox, Shop

FAILS = "pm_card_chargeCustomerFail"
HALF = START + timedelta(days=14)
END = START + timedelta(days=28)
PENDING = {"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"}


def subscribed(shop: Shop) -> tuple[Customer, Subscription]:
    """A customer of the small plan, whose card fails from now on."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    method = shop.stripe.v1.payment_methods.attach(FAILS, {"customer": customer.id})
    shop.stripe.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    return customer, subscription


def upgrade(shop: Shop, subscription: Subscription, price: str) -> Subscription:
    """An upgrade whose payment fails, so that it waits."""
    params: Any = {"items": [{"id": subscription.items.data[0].id, "price": price}], **PENDING}
    return shop.stripe.v1.subscriptions.update(subscription.id, params)


def pend(shop: Shop, customer: Customer, subscription: Subscription) -> None:
    """Have 3 dollars wait for a subscription's next invoice."""
    shop.stripe.v1.invoice_items.create(
        {"customer": customer.id, "subscription": subscription.id, "amount": 300, "currency": "usd"}
    )


def scheduled(shop: Shop, subscription: Subscription) -> SubscriptionSchedule:
    """A schedule whose second phase has the same items as the first."""
    api = shop.stripe.v1.subscription_schedules
    schedule = api.create({"from_subscription": subscription.id})
    first = schedule.phases[0]
    items: Any = [{"price": shop.small.id, "quantity": 1}]
    phases: Any = [{"items": items, "start_date": first.start_date, "end_date": first.end_date}]
    return api.update(schedule.id, {"phases": [*phases, {"items": items}]})


def test_cancelling_stops_collecting(sandbox: Sandbox, shop: Shop) -> None:
    """A cancelled subscription's open and draft invoices no longer advance, and stay what they are."""
    sandbox.put("dunning", {"retryDays": [60], "finally": "past_due"})
    customer, subscription = subscribed(shop)
    sandbox.move(END + timedelta(hours=1))
    sandbox.move(START + timedelta(days=59))
    shop.stripe.v1.subscriptions.cancel(subscription.id)
    sandbox.move(END + timedelta(days=70))
    _, opened, draft = shop.invoices(customer)
    assert [("open", False, None, 1), ("draft", False, None, 0)] == [
        (invoice.status, invoice.auto_advance, invoice.next_payment_attempt, invoice.attempt_count)
        for invoice in (opened, draft)
    ]
    assert draft.automatically_finalizes_at is None
    assert "invoice.updated" in shop.events("invoice.updated")


def test_last_invoice_of_a_period_is_still_collected(sandbox: Sandbox, shop: Shop) -> None:
    """Cancelled at the period's end, what is pending is billed and collected, older debts no longer are."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    pend(shop, customer, subscription)
    shop.stripe.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    sandbox.move(END + timedelta(hours=1))
    last = shop.invoices(customer)[-1]
    assert (300, "paid") == (last.total, last.status)


@pytest.mark.parametrize("change", [{"cancel_at_period_end": True}, {"cancel_at": "min_period_end"}])
def test_schedule_refuses_changes_of_cancellation(shop: Shop, change: Any) -> None:  # noqa: ANN401
    """Whoever wants to cancel what a schedule manages must release the schedule first."""
    subscription = shop.subscribe(shop.customer())
    schedule = scheduled(shop, subscription)
    with pytest.raises(
        sdk.InvalidRequestError, match=f"managed by the subscription schedule `{schedule.id}`"
    ):
        shop.stripe.v1.subscriptions.update(subscription.id, change)
    shop.stripe.v1.subscription_schedules.release(schedule.id)
    assert shop.stripe.v1.subscriptions.update(subscription.id, change).cancel_at


def test_portal_refuses_to_cancel_under_a_schedule(sandbox: Sandbox, shop: Shop) -> None:
    """In the portal, too, a scheduled subscription cannot be cancelled at its period's end."""
    features: Any = {"subscription_cancel": {"enabled": True, "mode": "at_period_end"}}
    shop.stripe.v1.billing_portal.configurations.create({"features": features})
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    scheduled(shop, subscription)
    session = shop.stripe.v1.billing_portal.sessions.create({"customer": customer.id})
    answer = sandbox.http.post(f"/portal/{session.id}/cancel")
    assert (400, True, None) == (
        answer.status_code,
        "managed by the subscription schedule" in answer.text,
        shop.stripe.v1.subscriptions.retrieve(subscription.id).cancel_at,
    )


def test_second_pending_update_voids_the_firsts_invoice(shop: Shop) -> None:
    """Only the latest change waits; the invoice of the one before is void, and nothing of it is owed."""
    customer, subscription = subscribed(shop)
    upgrade(shop, subscription, shop.large.id)
    larger = shop.price(9000, "larger")
    changed = upgrade(shop, subscription, larger.id)
    assert changed.pending_update
    assert changed.pending_update.subscription_items
    assert larger.id == changed.pending_update.subscription_items[0].price.id
    assert [("paid", 2000), ("void", 3000), ("open", 7000)] == [
        (invoice.status, invoice.total) for invoice in shop.invoices(customer)
    ]
    assert ["invoice.voided"] == shop.events("invoice.voided")


def test_change_that_needs_no_payment_voids_what_waited(shop: Shop) -> None:
    """Asking for the present plan again takes the waiting change back."""
    customer, subscription = subscribed(shop)
    upgrade(shop, subscription, shop.large.id)
    items: Any = [{"id": subscription.items.data[0].id, "price": shop.small.id}]
    changed = shop.stripe.v1.subscriptions.update(subscription.id, {"items": items})
    assert (None, "void") == (changed.pending_update, shop.invoices(customer)[-1].status)


def test_pending_update_lives_23_hours(shop: Shop) -> None:
    """Within a period, a waiting change expires after 23 hours."""
    _, subscription = subscribed(shop)
    changed = upgrade(shop, subscription, shop.large.id)
    assert changed.pending_update
    assert int((START + timedelta(hours=23)).timestamp()) == changed.pending_update.expires_at


def test_pending_update_expires_with_its_period(sandbox: Sandbox, shop: Shop) -> None:
    """A change that waits when the period ends is given up, and the renewal is of the old plan."""
    customer, subscription = subscribed(shop)
    sandbox.move(END - timedelta(hours=2))
    changed = upgrade(shop, subscription, shop.large.id)
    sandbox.move(END)
    known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    _, waited, renewal = shop.invoices(customer)
    assert changed.pending_update
    assert (int(END.timestamp()), None, "void", 2000, shop.small.id) == (
        changed.pending_update.expires_at,
        known.pending_update,
        waited.status,
        renewal.total,
        known.items.data[0].price.id,
    )
    assert ["customer.subscription.pending_update_expired"] == shop.events(
        "customer.subscription.pending_update"
    )


def test_phase_of_a_schedule_voids_a_pending_update(shop: Shop) -> None:
    """A schedule's phase overrules a change that waits for its payment."""
    customer, subscription = subscribed(shop)
    upgrade(shop, subscription, shop.large.id)
    scheduled(shop, subscription)
    known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert (None, "void") == (known.pending_update, shop.invoices(customer)[-1].status)


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        ({}, [300, -1000]),
        ({"prorate": False}, [300]),
        ({"invoice_now": False}, None),
    ],
)
def test_cancelled_schedule_invoices_and_prorates(
    sandbox: Sandbox,
    shop: Shop,
    told: Any,  # noqa: ANN401 - any parameter
    lines: list[int] | None,
) -> None:
    """Cancelling a schedule bills what is pending and credits unused time, unless told otherwise."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    schedule = scheduled(shop, subscription)
    pend(shop, customer, subscription)
    sandbox.move(HALF)
    cancelled = shop.stripe.v1.subscription_schedules.cancel(schedule.id, told)
    last = shop.invoices(customer)[-1]
    assert ("canceled", "canceled", lines or [2000]) == (
        cancelled.status,
        shop.stripe.v1.subscriptions.retrieve(subscription.id).status,
        [line.amount for line in last.lines.data],
    )


def test_released_schedule_leaves_the_subscription(shop: Shop) -> None:
    """Releasing neither ends nor bills anything."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    shop.stripe.v1.subscription_schedules.release(scheduled(shop, subscription).id)
    known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert ("active", None, 1) == (known.status, known.schedule, len(shop.invoices(customer)))


def test_unpaid_subscriptions_drafts_stay_drafts(sandbox: Sandbox, shop: Shop) -> None:
    """Of an unpaid subscription invoices go on to be written, and none advances."""
    sandbox.put("dunning", {"retryDays": [1], "finally": "unpaid"})
    customer, subscription = subscribed(shop)
    sandbox.move(END + timedelta(days=33))
    draft = shop.invoices(customer)[-1]
    assert ("unpaid", "draft", False, None) == (
        shop.stripe.v1.subscriptions.retrieve(subscription.id).status,
        draft.status,
        draft.auto_advance,
        draft.automatically_finalizes_at,
    )
