"""Meter events: taken in at once, counted or rejected a moment later.

See docs.stripe.com/api/billing/meter-event.
"""

from decimal import Decimal, InvalidOperation
from functools import partial

from stripe import Customer
from stripe.billing import Meter, MeterEvent, MeterEventAdjustment
from stripe.params.billing import MeterEventAdjustmentCreateParams, MeterEventCreateParams

from infra.stripe_standin.account.shapes import make, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError, missing
from infra.stripe_standin.events import thin_events
from infra.stripe_standin.meters import meters
from infra.stripe_standin.meters.usage import Reading
from infra.stripe_standin.server.routes import Routes

routes = Routes()

OLDEST = 35 * 24 * 3600
NEWEST = 5 * 60
# Stripe says only that aggregation is asynchronous; a caller that relies on less shall notice.
AGGREGATION_SECONDS = 0.25


@routes.post("/v1/billing/meter_events", MeterEventCreateParams)
def create(account: Account, params: MeterEventCreateParams) -> MeterEvent:
    """Take an event in (docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api).

    A 200 is not acceptance: an unknown meter or customer, or a bad value, is told by a thin event later.
    *Unverified* whether Stripe refuses a timestamp outside its bounds at once, as here, or later.
    """
    payload = dict(params["payload"].items()) if isinstance(params["payload"], dict) else {}
    now = account.now_of(payload.get("stripe_customer_id"))
    timestamp = params.get("timestamp", now)
    if timestamp < now - OLDEST:
        raise RefusedError(
            "The timestamp must be within the past 35 days.",
            code="timestamp_too_far_in_past",
            param="timestamp",
        )
    if timestamp > now + NEWEST:
        raise RefusedError(
            "The timestamp must not be more than 5 minutes in the future.",
            code="timestamp_in_future",
            param="timestamp",
        )
    identifier = params.get("identifier") or new_id("mev")
    if account.usage.remembered(identifier, now):
        raise RefusedError(
            f"An event already exists with identifier {identifier}.",
            param="identifier",
            code="duplicate_meter_event",
        )
    reading = Reading(identifier, params["event_name"], payload, timestamp, received_at=now)
    account.usage.add(reading)
    account.background.after(AGGREGATION_SECONDS, partial(judge, account, reading))
    return make(
        MeterEvent,
        created=now,
        event_name=reading.event_name,
        identifier=identifier,
        payload=payload,
        timestamp=timestamp,
    )


def judge(account: Account, reading: Reading) -> None:
    """Count an event or reject it.

    See docs.stripe.com/billing/subscriptions/usage-based/recording-usage#handle-errors.
    """
    if reading.state != "received":
        return
    meter = meters.named(account, reading.event_name)
    if meter is None:
        reading.state = "rejected"
        inactive = next(
            (known for known in account.all(Meter) if known.event_name == reading.event_name), None
        )
        if inactive:
            thin_events.report_rejected(account, inactive, "archived_meter", reading.identifier)
        else:
            thin_events.report_no_meter(account, reading.identifier)
        return
    code = _weigh(account, meter, reading)
    reading.state = "rejected" if code else "counted"
    if code:
        thin_events.report_rejected(account, meter, code, reading.identifier)


def _weigh(account: Account, meter: Meter, reading: Reading) -> str | None:
    """Fill in what the event counts, or say by which of Stripe's codes it does not."""
    customer = reading.payload.get(meter.customer_mapping.event_payload_key)
    if not customer:
        return "meter_event_no_customer_defined"
    if account.find(Customer, customer) is None:
        return "meter_event_customer_not_found"
    try:
        value = Decimal(reading.payload.get(meter.value_settings.event_payload_key, "1"))
    except InvalidOperation:
        return "meter_event_invalid_value"
    if not value.is_finite():
        return "meter_event_invalid_value"
    reading.meter, reading.customer, reading.value = meter.id, customer, value
    return None


@routes.post("/v1/billing/meter_event_adjustments", MeterEventAdjustmentCreateParams)
def adjust(account: Account, params: MeterEventAdjustmentCreateParams) -> MeterEventAdjustment:
    """Cancel an event within 24 hours of its receipt (docs.stripe.com/api/billing/meter-event-adjustment)."""
    identifier = params.get("cancel", {}).get("identifier", "")
    reading = account.usage.remembered(identifier, account.now())
    if reading is None or reading.event_name != params["event_name"]:
        raise missing("meter event", identifier, "cancel[identifier]")
    reading.state = "cancelled"
    return make(
        MeterEventAdjustment,
        cancel={"identifier": identifier},
        event_name=reading.event_name,
        status="complete",
        type="cancel",
    )
