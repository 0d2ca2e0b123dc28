"""Thin events of meters, which tell what was rejected after the 200 (docs.stripe.com/event-destinations)."""

from typing import Any

from stripe.billing import Meter
from stripe.params.v2.core import EventListParams, EventRetrieveParams
from stripe.v2 import ListObject
from stripe.v2.core import Event

from infra.stripe_standin.account.shapes import listing_v2, make, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.clocks.sandbox_clock import iso
from infra.stripe_standin.server.routes import Routes

routes = Routes()

MESSAGES = {
    "archived_meter": "The meter is inactive.",
    "meter_event_customer_not_found": "Customer in meter event payload was not found.",
    "meter_event_invalid_value": "The meter event's value is not a number.",
    "meter_event_no_customer_defined": "The meter event names no customer.",
    "no_meter": "No active meter has the meter event's name.",
}


def report_rejected(account: Account, meter: Meter, code: str, identifier: str) -> None:
    """An event of a known meter was rejected.

    See docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api.

    Stripe gathers the errors of a window into one report; the stand-in reports each by itself.
    """
    related = {"id": meter.id, "type": "billing.meter", "url": f"/v1/billing/meters/{meter.id}"}
    _report(account, "v1.billing.meter.error_report_triggered", code, identifier, related)


def report_no_meter(account: Account, identifier: str) -> None:
    """An event named no meter, so there is no object to point at."""
    _report(account, "v1.billing.meter.no_meter_found", "no_meter", identifier, None)


def _report(account: Account, name: str, code: str, identifier: str, related: dict[str, str] | None) -> None:
    now = iso(account.clock.now())
    sample = {"error_message": MESSAGES[code], "request": {"identifier": identifier}}
    event = make(Event, id=new_id("evt_test"), created=now, type=name)
    event["data"] = {
        "developer_message_summary": f"There is 1 invalid event: {MESSAGES[code]}",
        "reason": {
            "error_count": 1,
            "error_types": [{"code": code, "error_count": 1, "sample_errors": [sample]}],
        },
        "validation_start": now,
        "validation_end": now,
    }
    if related:
        event["related_object"] = related
    account.tell_thin(account.keep(event))


@routes.get("/v2/core/events/{event}", EventRetrieveParams)
def retrieve(account: Account, _params: EventRetrieveParams, event: str) -> Event:
    """Fetch the whole of a thin event (docs.stripe.com/api/v2/core/events/retrieve)."""
    return account.get(Event, event)


@routes.get("/v2/core/events", EventListParams)
def listed(account: Account, params: EventListParams) -> ListObject[Any]:
    """List thin events, newest first (docs.stripe.com/api/v2/core/events/list)."""
    types = params.get("types")
    found = [event for event in account.all(Event) if types is None or event.type in types]
    return listing_v2(found[: params.get("limit", 20)])
