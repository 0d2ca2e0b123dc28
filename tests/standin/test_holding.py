"""Drafts that wait: for an hour, until told, or for good."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe import Customer, Invoice

from tests.standin.harness import START, Receiver, Sandbox, Shop

END = datetime(2026, 2, 28, 12, 0, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)


def stamp(instant: datetime) -> int:
    """Stripe's timestamp."""
    return int(instant.timestamp())


def renewal(sandbox: Sandbox, shop: Shop) -> tuple[Customer, Invoice]:
    """The draft of a renewal, just made."""
    customer = shop.customer()
    shop.subscribe(customer)
    sandbox.move(END)
    return customer, shop.invoices(customer)[-1]


def held_until(shop: Shop, draft: Invoice, instant: datetime, **more: Any) -> Invoice:  # noqa: ANN401 - any parameter
    """A draft that is told when to finalise."""
    params: Any = {"automatically_finalizes_at": stamp(instant), **more}
    return shop.stripe.v1.invoices.update(draft.id, params)


def refusal(shop: Shop, draft: Invoice, instant: datetime, **more: Any) -> str | None:  # noqa: ANN401 - any parameter
    """Which parameter a draft that cannot be held is refused for."""
    with pytest.raises(sdk.InvalidRequestError) as raised:
        held_until(shop, draft, instant, **more)
    return str(raised.value.param)


@pytest.mark.parametrize("wait", [timedelta(hours=71), timedelta(days=20)])
def test_held_draft_finalises_when_told(sandbox: Sandbox, shop: Shop, wait: timedelta) -> None:
    """`automatically_finalizes_at` holds a draft to the second; then it is collected."""
    _, draft = renewal(sandbox, shop)
    held_until(shop, draft, END + wait)
    sandbox.move(END + wait - timedelta(seconds=1))
    before = shop.stripe.v1.invoices.retrieve(draft.id).status
    sandbox.move(END + wait)
    assert ("draft", "paid") == (before, shop.stripe.v1.invoices.retrieve(draft.id).status)


def test_held_draft_is_released_by_an_earlier_hour(sandbox: Sandbox, shop: Shop) -> None:
    """Set again, the time may also come sooner."""
    _, draft = renewal(sandbox, shop)
    held_until(shop, draft, END + timedelta(hours=72))
    sandbox.move(END + timedelta(minutes=20))
    held_until(shop, draft, END + timedelta(minutes=25))
    sandbox.move(END + timedelta(minutes=25))
    assert "paid" == shop.stripe.v1.invoices.retrieve(draft.id).status


def test_draft_is_held_for_five_years_at_most(sandbox: Sandbox, shop: Shop) -> None:
    """It is neither held for longer than five years nor into the past."""
    _, draft = renewal(sandbox, shop)
    years = timedelta(days=5 * 365)
    assert held_until(shop, draft, END + years).automatically_finalizes_at == stamp(END + years)
    for instant in (END + years + timedelta(seconds=1), END - timedelta(seconds=1)):
        assert "automatically_finalizes_at" == refusal(shop, draft, instant)


def test_draft_that_does_not_advance_cannot_be_held(sandbox: Sandbox, shop: Shop) -> None:
    """Holding needs `auto_advance`, as it is or as the same call sets it; it is never switched on unasked."""
    customer, draft = renewal(sandbox, shop)
    assert "automatically_finalizes_at" == refusal(shop, draft, END + HOUR, auto_advance=False)
    own = shop.stripe.v1.invoices.create({"customer": customer.id})
    assert "automatically_finalizes_at" == refusal(shop, own, END + HOUR)
    assert shop.stripe.v1.invoices.retrieve(own.id).auto_advance is False
    later: Any = {"customer": customer.id, "automatically_finalizes_at": stamp(END + HOUR)}
    with pytest.raises(sdk.InvalidRequestError, match="auto_advance"):
        shop.stripe.v1.invoices.create(later)
    assert held_until(shop, own, END + 2 * HOUR, auto_advance=True).auto_advance


def test_advancing_can_be_switched(sandbox: Sandbox, shop: Shop) -> None:
    """Off, a draft waits for good; on again, it finalises in an hour."""
    _, draft = renewal(sandbox, shop)
    off = shop.stripe.v1.invoices.update(draft.id, {"auto_advance": False})
    sandbox.move(END + timedelta(days=4))
    still = shop.stripe.v1.invoices.retrieve(draft.id).status
    on = shop.stripe.v1.invoices.update(draft.id, {"auto_advance": True})
    assert (None, "draft", stamp(END + timedelta(days=4) + HOUR)) == (
        off.automatically_finalizes_at,
        still,
        on.automatically_finalizes_at,
    )


def test_final_invoice_cannot_be_held(sandbox: Sandbox, shop: Shop) -> None:
    """Once final, an invoice is neither held nor are its amounts changed; a paid one never advances again."""
    _, draft = renewal(sandbox, shop)
    sandbox.move(END + HOUR)
    attempts: list[Any] = [
        {"automatically_finalizes_at": stamp(END + 2 * HOUR), "auto_advance": True},
        {"auto_advance": True},
        {"discounts": ""},
        {"collection_method": "send_invoice", "days_until_due": 3},
    ]
    for params in attempts:
        with pytest.raises(sdk.InvalidRequestError) as raised:
            shop.stripe.v1.invoices.update(draft.id, params)
        assert "invoice_not_editable" == raised.value.code


def test_subscriptions_draft_is_neither_deleted_nor_voided(sandbox: Sandbox, shop: Shop) -> None:
    """People who want none of it finalise it and void it then."""
    _, draft = renewal(sandbox, shop)
    api = shop.stripe.v1.invoices
    for take_back in (api.delete, api.void_invoice):
        with pytest.raises(sdk.InvalidRequestError) as raised:
            take_back(draft.id)
        assert "invoice_not_editable" == raised.value.code
    api.finalize_invoice(draft.id, {"auto_advance": False})
    assert "void" == api.void_invoice(draft.id).status


def test_draft_waits_for_its_webhook(shop: Shop, receiver: Receiver) -> None:
    """While an endpoint has not heard of it, a draft waits for 72 hours, unless it was told until when."""
    api = shop.stripe.v1
    api.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["invoice.created"]})
    receiver.failures = 1_000
    # On a test clock, whose moves do not wait for deliveries.
    clock = api.test_helpers.test_clocks.create({"frozen_time": stamp(START)})

    def advance(to: datetime) -> list[str | None]:
        api.test_helpers.test_clocks.advance(clock.id, {"frozen_time": stamp(to)})
        while api.test_helpers.test_clocks.retrieve(clock.id).status != "ready":
            time.sleep(0.01)
        return [shop.invoices(customer)[-1].status for customer in customers]

    customers = [shop.customer(test_clock=clock.id) for _ in range(2)]
    for customer in customers:
        shop.subscribe(customer, items=[{"price": shop.small.id}])
    assert ["draft", "draft"] == advance(END)
    held_until(shop, shop.invoices(customers[0])[-1], END + 2 * HOUR)
    assert ["paid", "draft"] == advance(END + timedelta(hours=71))
    assert ["paid", "paid"] == advance(END + timedelta(hours=72))


def test_cancelling_stops_a_held_draft(sandbox: Sandbox, shop: Shop) -> None:
    """A held draft whose subscription is cancelled does not advance any more."""
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    sandbox.move(END)
    draft = shop.invoices(customer)[-1]
    held_until(shop, draft, END + timedelta(hours=3))
    shop.stripe.v1.subscriptions.cancel(subscription.id)
    sandbox.move(END + timedelta(days=4))
    stopped = shop.stripe.v1.invoices.retrieve(draft.id)
    assert ("draft", False, None) == (
        stopped.status,
        stopped.auto_advance,
        stopped.automatically_finalizes_at,
    )


def test_first_charge_after_a_trial_is_a_draft_of_a_cycle(sandbox: Sandbox, shop: Shop) -> None:
    """`billing_reason` does not tell a renewal from the end of a trial; purchases and upgrades are final."""
    customer = shop.customer()
    subscription = shop.subscribe(customer, trial_period_days=3)
    sandbox.move(START + timedelta(days=3))
    items: Any = [{"id": subscription["items"].data[0].id, "price": shop.large.id}]
    upgrade: Any = {"items": items, "proration_behavior": "always_invoice"}
    seen = [(invoice.billing_reason, invoice.status) for invoice in shop.invoices(customer)]
    shop.stripe.v1.subscriptions.update(subscription.id, upgrade)
    last = shop.invoices(customer)[-1]
    assert [("subscription_create", "paid"), ("subscription_cycle", "draft")] == seen
    assert ("subscription_update", "paid") == (last.billing_reason, last.status)
