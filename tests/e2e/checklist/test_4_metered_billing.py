"""Part 8.4 of the assessment: the invoice and the dashboard that Stripe has of its busy month."""

from datetime import date, timedelta

import pytest

from infra.local.customer import UsageRecord
from infra.local.demo import BUSY, Month, busy_lines
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers, soon
from tests.e2e.subscribers import Subscriber
from tollkeeper.catalogue import load
from tollkeeper.rules.metering import shown_at
from tollkeeper.rules.times import epoch, start_of_day

SECTION = "4. Metered Billing"

OVERAGE = {"apiCalls": (5_000, 50_00), "aiQueries": (200, 20_00), "exports": (100, 50_00)}
"""What the month exceeds the professional plan by, and the cents for it."""


@pytest.mark.line("Use over limit → overage charge")
def test_use_over_limit_overage_charge(month: Month) -> None:
    """Three lines on Stripe's paid invoice, $50, $20 and $50, beside the plan's $99."""
    invoice = month.renewal.invoice
    lines = sorted((line.quantity, line.amount) for line in invoice.lines.data)
    assert sorted([(1, 99_00), *OVERAGE.values()]) == lines
    assert ("paid", "subscription_cycle") == (invoice.status, invoice.billing_reason)


@pytest.mark.line("Invoice shows usage details")
def test_invoice_shows_usage_details(month: Month, callers: Callers) -> None:
    """Each line says what was used and included; the API has the records."""
    expected = [line.words for line in busy_lines(month.period) if line.words]
    assert expected == [line.words for line in month.renewal.lines[1:]]
    client = callers.user(month.busy.user_id)
    told = client.get(f"/invoices/{month.renewal.invoice.id}/explain").json()
    assert {
        metric: (BUSY[metric], BUSY[metric] - quantity, {"quantity": quantity, "amount": amount})
        for metric, (quantity, amount) in OVERAGE.items()
    } == {each["eventType"]: (each["used"], each["included"], each["invoiced"]) for each in told["charges"]}
    assert {1} == {each["quantity"] for each in told["records"]}


@pytest.mark.line("Stripe dashboard shows usage records")
def test_stripe_dashboard_shows_usage_records(home: Home, stack: Stack, callers: Callers) -> None:
    """The customer's meter has the day's five exports, two hours after the day."""
    subscriber = Subscriber(home, stack, callers, "professional")
    now = callers.now()
    subscriber.customer.report([UsageRecord(f"export-{number}", "exports", now) for number in range(3)])
    assert 200 == callers.consume(subscriber.user_id, "exports", "one", 2).status_code
    assert 5 == soon(lambda: callers.usage(subscriber.user_id)["exports"], lambda used: used == 5)
    subscriber.move(shown_at(now.date()))
    assert [5] == soon(lambda: metered(subscriber, "exports", now.date()), bool)


def metered(subscriber: Subscriber, metric: str, day: date) -> list[float]:
    """Return what Stripe's dashboard shows of a customer's day."""
    name = load().metrics[metric].usage_meter_name
    meters = subscriber.stripe.billing.meters
    (meter,) = (each.id for each in meters.list({"limit": 100}).data if each.event_name == name)
    start = start_of_day(day)
    summaries = meters.event_summaries.list(
        meter,
        {
            "customer": subscriber.customer_id,
            "start_time": epoch(start),
            "end_time": epoch(start + timedelta(days=1)),
        },
    )
    return [each.aggregated_value for each in summaries.data]
