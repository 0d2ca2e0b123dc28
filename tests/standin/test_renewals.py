"""Renewals: trials, periods, and invoices that bill ahead."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe as sdk

from tests.standin.harness import START, Sandbox, Shop

TRIAL_END = START + timedelta(days=14)
HOUR = timedelta(hours=1)


def stamp(instant: datetime) -> int:
    """Stripe's timestamp."""
    return int(instant.timestamp())


def lines(invoice: sdk.Invoice) -> list[tuple[int | None, int]]:
    """Quantity and amount of each line."""
    return [(line.quantity, line.amount) for line in invoice.lines.data]


def test_trial_turns_into_a_paid_period(sandbox: Sandbox, shop: Shop) -> None:
    """At the trial's end the first period is billed ahead, as a draft for one hour, then paid."""
    customer = shop.customer()
    shop.subscribe(customer, trial_period_days=14)
    sandbox.move(TRIAL_END)
    draft = shop.invoices(customer)[-1]
    sandbox.move(TRIAL_END + HOUR)
    paid = shop.invoices(customer)[-1]
    assert ("draft", stamp(TRIAL_END + HOUR), "paid", 2000) == (
        draft.status,
        draft.automatically_finalizes_at,
        paid.status,
        paid.amount_paid,
    )


def test_trial_end_is_announced_three_days_before(sandbox: Sandbox, shop: Shop) -> None:
    """`trial_will_end` comes once, three days before."""
    shop.subscribe(shop.customer(), trial_period_days=14)
    sandbox.move(TRIAL_END - timedelta(days=3, seconds=1))
    before = shop.events("customer.subscription.trial")
    sandbox.move(TRIAL_END)
    assert (
        before,
        shop.events("customer.subscription.trial"),
    ) == ([], ["customer.subscription.trial_will_end"])


def test_trial_without_a_card_cancels_if_told(sandbox: Sandbox, shop: Shop) -> None:
    """A trial that ends without a payment method cancels, without an invoice, when its settings say so."""
    customer = shop.stripe.v1.customers.create({})
    subscription = shop.subscribe(
        customer,
        trial_period_days=14,
        trial_settings={"end_behavior": {"missing_payment_method": "cancel"}},
    )
    sandbox.move(TRIAL_END)
    ended = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert ("canceled", stamp(TRIAL_END), 1) == (ended.status, ended.ended_at, len(shop.invoices(customer)))


def test_renewal_bills_ahead(sandbox: Sandbox, shop: Shop) -> None:
    """The renewal bills the coming period, and nothing of what meters counted in the ended one."""
    customer = shop.customer()
    shop.subscribe(customer)
    shop.use(customer, 100, "a")
    sandbox.move(datetime(2026, 2, 28, 14, tzinfo=UTC))
    assert lines(shop.invoices(customer)[-1]) == [(1, 2000)]


def test_held_draft_finalises_when_told(sandbox: Sandbox, shop: Shop) -> None:
    """`automatically_finalizes_at` holds a draft, for at most 72 hours."""
    customer = shop.customer()
    shop.subscribe(customer)
    end = datetime(2026, 2, 28, 12, 0, 7, tzinfo=UTC)
    sandbox.move(end)
    draft = shop.invoices(customer)[-1]
    api = shop.stripe.v1.invoices
    with pytest.raises(sdk.InvalidRequestError, match="72 hours"):
        api.update(draft.id, {"automatically_finalizes_at": stamp(end + timedelta(hours=72, seconds=1))})
    api.update(draft.id, {"automatically_finalizes_at": stamp(end + timedelta(hours=72))})
    sandbox.move(end + timedelta(hours=71))
    held = api.retrieve(draft.id).status
    sandbox.move(end + timedelta(hours=72))
    assert (held, api.retrieve(draft.id).status) == ("draft", "paid")


def test_month_without_the_day_ends_on_its_last(sandbox: Sandbox, shop: Shop) -> None:
    """A subscription of the 31st renews on the 28th of February and on the 31st of March."""
    subscription = shop.subscribe(shop.customer())
    ends = []
    for instant in (START, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)):
        sandbox.move(instant)
        known = shop.stripe.v1.subscriptions.retrieve(subscription.id)
        ends.append(datetime.fromtimestamp(known.items.data[0].current_period_end, UTC).strftime("%m-%d"))
    assert ends == ["02-28", "03-31", "04-30"]


def test_invoice_names_its_subscription_and_periods(sandbox: Sandbox, shop: Shop) -> None:
    """A renewal looks back on the ended period; its line says which period it bills and by which price."""
    customer = shop.customer()
    subscription = shop.subscribe(customer, metadata={"user": "u"})
    end = datetime(2026, 2, 28, 12, 0, 7, tzinfo=UTC)
    sandbox.move(end)
    renewal = shop.invoices(customer)[-1]
    (ahead,) = renewal.lines.data
    assert renewal.parent
    assert renewal.parent.subscription_details
    assert (subscription.id, (stamp(START), stamp(end)), stamp(end)) == (
        renewal.parent.subscription_details.subscription,
        (renewal.period_start, renewal.period_end),
        ahead.period.start,
    )
    assert ahead.pricing
    assert ahead.pricing.price_details
    assert shop.small.id == ahead.pricing.price_details.price
