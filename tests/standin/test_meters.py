"""Meters: what they take in, count, and reject a moment later."""

import time
from datetime import datetime, timedelta

import pytest
import stripe as sdk
from stripe import Customer

from tests.standin.harness import START, Receiver, Sandbox, Shop

MINUTE = timedelta(minutes=1)


def summed(shop: Shop, customer: Customer, start: datetime, end: datetime) -> list[float]:
    """The summaries of a span."""
    found = shop.stripe.v1.billing.meters.event_summaries.list(
        shop.meter.id,
        {"customer": customer.id, "start_time": int(start.timestamp()), "end_time": int(end.timestamp())},
    )
    return [summary.aggregated_value for summary in found.data]


def soon(shop: Shop, customer: Customer) -> list[float]:
    """What is summed once aggregation has caught up."""
    whole = START.replace(second=0)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if found := summed(shop, customer, whole - 60 * MINUTE, whole + 60 * MINUTE):
            return found
        time.sleep(0.02)
    return []


def test_aggregation_is_asynchronous(shop: Shop) -> None:
    """A summary does not show an event at once, but a moment later."""
    customer = shop.customer()
    shop.use(customer, 7, "a")
    whole = START.replace(second=0)
    at_once = summed(shop, customer, whole, whole + MINUTE)
    assert (at_once, soon(shop, customer)) == ([], [7.0])


def test_identifier_counts_once(shop: Shop) -> None:
    """The same identifier within 24 hours is refused in Stripe's words."""
    customer = shop.customer()
    shop.use(customer, 7, "a")
    with pytest.raises(sdk.InvalidRequestError, match="An event already exists with identifier a"):
        shop.use(customer, 7, "a")
    assert soon(shop, customer) == [7.0]


def test_identifier_is_forgotten_after_a_day(sandbox: Sandbox, shop: Shop) -> None:
    """After 24 hours Stripe no longer knows the identifier: the event counts again."""
    customer = shop.customer()
    shop.use(customer, 7, "a")
    sandbox.move(START + timedelta(hours=24))
    shop.use(customer, 7, "a", START)
    assert shop.stripe.v1.billing.meters.event_summaries.list(
        shop.meter.id,
        {
            "customer": customer.id,
            "start_time": int(START.replace(second=0).timestamp()),
            "end_time": int((START.replace(second=0) + MINUTE).timestamp()),
        },
    )


@pytest.mark.parametrize("away", [timedelta(days=-35, seconds=-1), timedelta(minutes=5, seconds=1)])
def test_timestamp_is_bounded(shop: Shop, away: timedelta) -> None:
    """At most 35 days back and 5 minutes ahead."""
    with pytest.raises(sdk.InvalidRequestError, match="timestamp"):
        shop.use(shop.customer(), 1, "a", START + away)


def test_summaries_are_minute_aligned(shop: Shop) -> None:
    """A span that does not start on a minute is refused."""
    with pytest.raises(sdk.InvalidRequestError, match="minute"):
        summed(shop, shop.customer(), START, START + MINUTE)


def test_summaries_group_by_hour(sandbox: Sandbox, shop: Shop) -> None:
    """Grouped by hour, each hour with usage has a summary, newest first."""
    customer = shop.customer()
    shop.use(customer, 1, "a", START - timedelta(hours=1))
    shop.use(customer, 2, "b", START)
    sandbox.move(START)
    found = shop.stripe.v1.billing.meters.event_summaries.list(
        shop.meter.id,
        {
            "customer": customer.id,
            "start_time": int(START.replace(hour=0, minute=0, second=0).timestamp()),
            "end_time": int(START.replace(hour=23, minute=0, second=0).timestamp()),
            "value_grouping_window": "hour",
        },
    )
    assert [summary.aggregated_value for summary in found.data] == [2.0, 1.0]


def test_cancelled_event_does_not_count(sandbox: Sandbox, shop: Shop) -> None:
    """An adjustment takes an event back."""
    customer = shop.customer()
    shop.use(customer, 7, "a")
    shop.stripe.v1.billing.meter_event_adjustments.create(
        {"event_name": "switch", "type": "cancel", "cancel": {"identifier": "a"}}
    )
    sandbox.move(START)
    whole = START.replace(second=0)
    assert summed(shop, customer, whole, whole + MINUTE) == []


@pytest.mark.parametrize(
    ("event_name", "customer", "value", "kind", "code"),
    [
        (
            "switch",
            "cus_none",
            "1",
            "v1.billing.meter.error_report_triggered",
            "meter_event_customer_not_found",
        ),
        ("switch", None, "one", "v1.billing.meter.error_report_triggered", "meter_event_invalid_value"),
        ("none", None, "1", "v1.billing.meter.no_meter_found", "no_meter"),
    ],
)
def test_rejection_comes_later_as_a_thin_event(
    sandbox: Sandbox,
    shop: Shop,
    receiver: Receiver,
    event_name: str,
    customer: str | None,
    value: str,
    kind: str,
    code: str,
) -> None:
    """A 200 is not acceptance: the rejection is told by a signed thin event, whose whole can be fetched."""
    destination = shop.stripe.v2.core.event_destinations.create(
        {
            "name": "meters",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": [kind],
            "webhook_endpoint": {"url": receiver.url},
            "include": ["webhook_endpoint.signing_secret"],
        }
    )
    payload = {"stripe_customer_id": customer or shop.customer().id, "value": value}
    shop.stripe.v1.billing.meter_events.create(
        {"event_name": event_name, "payload": payload, "identifier": "bad"}
    )
    sandbox.move(START)
    ((body, signature),) = receiver.received
    assert destination.webhook_endpoint is not None
    notification = shop.stripe.parse_event_notification(
        body, signature, destination.webhook_endpoint.signing_secret
    )
    reason = notification.fetch_event().data.reason  # type: ignore[union-attr]
    assert (kind, code, "bad", b'"data"' in body) == (
        notification.type,
        reason.error_types[0].code,
        reason.error_types[0].sample_errors[0].request.identifier,
        False,
    )


def test_thin_event_leads_to_its_meter(sandbox: Sandbox, shop: Shop) -> None:
    """The report about a known meter points at it."""
    shop.stripe.v1.billing.meter_events.create(
        {"event_name": "switch", "payload": {"stripe_customer_id": "cus_none", "value": "1"}}
    )
    sandbox.move(START)
    (event,) = shop.stripe.v2.core.events.list().data
    assert event.related_object.id == shop.meter.id  # type: ignore[attr-defined]
