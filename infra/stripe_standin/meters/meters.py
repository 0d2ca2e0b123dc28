"""Meters and what they counted (docs.stripe.com/api/billing/meter)."""

from stripe import ListObject
from stripe.billing import Meter, MeterEventSummary
from stripe.params.billing import (
    MeterCreateParams,
    MeterDeactivateParams,
    MeterEventSummaryListParams,
    MeterListParams,
    MeterReactivateParams,
    MeterRetrieveParams,
    MeterUpdateParams,
)

from infra.stripe_standin.account.shapes import make, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.server.lists import matching, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()

MINUTE, HOUR, DAY = 60, 3600, 86400


@routes.post("/v1/billing/meters", MeterCreateParams)
def create(account: Account, params: MeterCreateParams) -> Meter:
    """Create a meter; one active meter per event name (docs.stripe.com/api/billing/meter/create)."""
    if named(account, params["event_name"]):
        raise RefusedError(
            f"A meter with the event name '{params['event_name']}' already exists.",
            code="resource_already_exists",
            param="event_name",
        )
    now = account.now()
    mapping = params.get("customer_mapping", {"event_payload_key": "stripe_customer_id", "type": "by_id"})
    meter = make(
        Meter,
        id=new_id("mtr_test"),
        created=now,
        customer_mapping=dict(mapping),
        default_aggregation=dict(params["default_aggregation"]),
        display_name=params["display_name"],
        event_name=params["event_name"],
        event_time_window=params.get("event_time_window"),
        status="active",
        status_transitions={},
        updated=now,
        value_settings=dict(params.get("value_settings", {"event_payload_key": "value"})),
    )
    return account.keep(meter)


def named(account: Account, event_name: str) -> Meter | None:
    """The active meter that counts events of a name."""
    return next(
        (meter for meter in account.all(Meter) if (meter.event_name, meter.status) == (event_name, "active")),
        None,
    )


@routes.get("/v1/billing/meters", MeterListParams)
def listed(account: Account, params: MeterListParams) -> ListObject[Meter]:
    """List meters (docs.stripe.com/api/billing/meter/list)."""
    found = matching(account.all(Meter), params, "status")
    return page(found, params, "/v1/billing/meters")


@routes.get("/v1/billing/meters/{meter}", MeterRetrieveParams)
def retrieve(account: Account, _params: MeterRetrieveParams, meter: str) -> Meter:
    """Retrieve a meter (docs.stripe.com/api/billing/meter/retrieve)."""
    return account.get(Meter, meter)


@routes.post("/v1/billing/meters/{meter}", MeterUpdateParams)
def update(account: Account, params: MeterUpdateParams, meter: str) -> Meter:
    """Rename a meter (docs.stripe.com/api/billing/meter/update)."""
    known = account.get(Meter, meter)
    known.display_name = params.get("display_name", known.display_name)
    known.updated = account.now()
    return known


@routes.post("/v1/billing/meters/{meter}/deactivate", MeterDeactivateParams)
def deactivate(account: Account, _params: MeterDeactivateParams, meter: str) -> Meter:
    """Deactivate a meter: its events are rejected (docs.stripe.com/api/billing/meter/deactivate)."""
    known = account.get(Meter, meter)
    known.status = "inactive"
    known.status_transitions.deactivated_at = known.updated = account.now()
    return known


@routes.post("/v1/billing/meters/{meter}/reactivate", MeterReactivateParams)
def reactivate(account: Account, _params: MeterReactivateParams, meter: str) -> Meter:
    """Reactivate a meter (docs.stripe.com/api/billing/meter/reactivate)."""
    known = account.get(Meter, meter)
    known.status = "active"
    known.status_transitions.deactivated_at = None
    known.updated = account.now()
    return known


@routes.get("/v1/billing/meters/{meter}/event_summaries", MeterEventSummaryListParams)
def summaries(
    account: Account, params: MeterEventSummaryListParams, meter: str
) -> ListObject[MeterEventSummary]:
    """What one customer used, summed by window (docs.stripe.com/api/billing/meter-event-summary/list).

    Windows without events are left out; *unverified* that Stripe leaves out a lone empty one too.
    """
    known = account.get(Meter, meter)
    start, end = params["start_time"], params["end_time"]
    window = {"hour": HOUR, "day": DAY}.get(params.get("value_grouping_window", ""), 0)
    for name, instant in (("start_time", start), ("end_time", end)):
        if instant % (window or MINUTE):
            noun = {MINUTE: "minute", HOUR: "hour", DAY: "day"}[window or MINUTE]
            raise RefusedError(f"{name} must be aligned with {noun} boundaries.", param=name)
    if end <= start:
        raise RefusedError("end_time must lie after start_time.", param="end_time")
    found = []
    for opening in range(start, end, window or end - start):
        closing = opening + (window or end - start)
        counted = account.usage.counted(known, params["customer"], opening, closing)
        if counted is not None:
            found.append(
                make(
                    MeterEventSummary,
                    id=f"mtrusg_test_{known.id}_{params['customer']}_{opening}_{closing}",
                    aggregated_value=float(counted),
                    end_time=closing,
                    meter=known.id,
                    start_time=opening,
                )
            )
    return page(found[::-1], params, f"/v1/billing/meters/{meter}/event_summaries")
