"""What the caller has and used, the same of any user for services, and what this API is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends, Response, content_types
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

import tollkeeper
from tollkeeper import runtime
from tollkeeper.api.bodies.audit import AuditTrailOut
from tollkeeper.api.bodies.model import Day, Month
from tollkeeper.api.bodies.records import UsageRecordsOut
from tollkeeper.api.bodies.subscription import SubscriptionOut
from tollkeeper.api.bodies.usage import UsageOut
from tollkeeper.api.resolver import Caller, UserInPath, of_any_user, resolver, respond
from tollkeeper.rules.series import MOST_DAYS, Granularity
from tollkeeper.runtime import views
from tollkeeper.telemetry import logger
from tollkeeper.usage.records import Id, Instant
from tollkeeper.views.reader import Reader

OPENAPI = Path(tollkeeper.__file__).parent / "api" / "openapi.json"

app = resolver()


ThisReader = Annotated[Reader, Depends(views.reader)]
From = Annotated[
    Day | None, Query(alias="from", description="First day; else the first of the month of `to`.")
]
To = Annotated[Day | None, Query(description=f"Last day; else today. At most {MOST_DAYS} days are told.")]
Facility = Annotated[Id | None, Query(alias="facilityId", description="One facility; else all together.")]
Period = Annotated[Instant | None, Query(description="The `currentPeriodStart` of the period counted in.")]
BillingMonth = Annotated[
    Month | None, Query(alias="billingMonth", description="As 2025-10, of their own time.")
]
EventType = Annotated[str | None, Query(alias="eventType", description="One metric; else all.")]
Cursor = Annotated[
    str | None, Query(max_length=4096, description="Of the answer before, to go on from there.")
]


@app.get("/subscription", summary="The caller's plan, usage, limits and overage")
@of_any_user(app, "/users/<userId>/subscription", summary="A user's plan, usage, limits and overage")
def subscription(user: Caller, reader: ThisReader) -> SubscriptionOut:
    """Return where a user stands in the present period."""
    return SubscriptionOut.of(reader.subscription(user))


@app.get("/usage", summary="The caller's usage by day or month")
@of_any_user(app, "/users/<userId>/usage", summary="A user's usage by day or month")
def usage(
    user: Caller,
    reader: ThisReader,
    first: From = None,
    to: To = None,
    granularity: Granularity = Granularity.DAY,
    facility_id: Facility = None,
) -> UsageOut:
    """Return every day or month of a range with every metric."""
    return UsageOut.of(reader.usage(user, first, to, granularity, facility_id))


@app.get("/usage/records", summary="The records behind a number of the caller's")
@of_any_user(app, "/users/<userId>/records", summary="The records behind a number of a user's")
def records(
    user: Caller,
    reader: ThisReader,
    period: Period = None,
    billing_month: BillingMonth = None,
    event_type: EventType = None,
    cursor: Cursor = None,
) -> UsageRecordsOut:
    """Return what was counted in a period, or is of a month, about a hundred records at a time."""
    return UsageRecordsOut.of(reader.records(user, period, billing_month, event_type, cursor))


@app.get("/users/<userId>/audit", summary="What was changed of a user, and by whom")
def audit_of(user: UserInPath, reader: ThisReader, cursor: Cursor = None) -> AuditTrailOut:
    """Return the audit trail, the newest entries first."""
    return AuditTrailOut.of(reader.audit(user, cursor))


@app.get("/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    """Return the description of this API, as it was generated from its models."""
    return Response(200, content_types.APPLICATION_JSON, OPENAPI.read_text())


def admit(event: Mapping[str, Any]) -> str | None:
    """Let anybody read what this API is, services what any user has, and everybody else their own."""
    route = event["routeKey"]
    if route.startswith("GET /users/"):
        runtime.authorizer().service(event)
    elif route != "GET /openapi.json":
        return runtime.authorizer().user(event)
    return None


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request."""
    return respond(app, {**event, "body": None}, context, admit)  # these routes read none
