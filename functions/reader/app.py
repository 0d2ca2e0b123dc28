"""What the caller has and used, the same of any user for services, and what this API is."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Depends, Response, content_types
from aws_lambda_powertools.event_handler.openapi.params import Path as InPath
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BeforeValidator

import tollkeeper
from tollkeeper import runtime
from tollkeeper.api.models import (
    AuditTrailOut,
    Day,
    Id,
    Instant,
    Month,
    SubscriptionOut,
    UsageOut,
    UsageRecordsOut,
    UserId,
)
from tollkeeper.api.resolver import Caller, resolver
from tollkeeper.clock import Clock
from tollkeeper.ledger.history import History
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.series import MOST_DAYS, Granularity
from tollkeeper.telemetry import logger
from tollkeeper.views.reader import Reader

OPENAPI = Path(tollkeeper.__file__).parent / "api" / "openapi.json"

app = resolver()


def reader(
    users: Annotated[Users, Depends(runtime.users)],
    history: Annotated[History, Depends(runtime.history)],
    offer: Annotated[Offer, Depends(runtime.offer)],
    clock: Annotated[Clock, Depends(runtime.clock)],
) -> Reader:
    """Return what answers."""
    return Reader(users, history, offer, clock)


Answers = Annotated[Reader, Depends(reader)]
# API Gateway decodes a path, but leaves %25 in it as it is.
UserInPath = Annotated[UserId, BeforeValidator(unquote), InPath(alias="userId")]
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
    str | None, Query(max_length=1024, description="Of the answer before, to go on from there.")
]


@app.get("/subscription", summary="The caller's plan, usage, limits and overage")
def subscription(user: Caller, answers: Answers) -> SubscriptionOut:
    """Return where the caller stands in the present period."""
    return answers.subscription(user)


@app.get("/usage", summary="The caller's usage by day or month")
def usage(
    user: Caller,
    answers: Answers,
    first: From = None,
    to: To = None,
    granularity: Granularity = Granularity.DAY,
    facility_id: Facility = None,
) -> UsageOut:
    """Return every day or month of a range with every metric."""
    return answers.usage(user, first, to, granularity, facility_id)


@app.get("/usage/records", summary="The records behind a number of the caller's")
def records(
    user: Caller,
    answers: Answers,
    period: Period = None,
    billing_month: BillingMonth = None,
    event_type: EventType = None,
    cursor: Cursor = None,
) -> UsageRecordsOut:
    """Return what was counted in a period, or is of a month, about a hundred records at a time."""
    return answers.records(user, period, billing_month, event_type, cursor)


@app.get("/users/<userId>/subscription", summary="A user's plan, usage, limits and overage")
def subscription_of(user: UserInPath, answers: Answers) -> SubscriptionOut:
    """Return where a user stands in the present period."""
    return answers.subscription(user)


@app.get("/users/<userId>/usage", summary="A user's usage by day or month")
def usage_of(
    user: UserInPath,
    answers: Answers,
    first: From = None,
    to: To = None,
    granularity: Granularity = Granularity.DAY,
    facility_id: Facility = None,
) -> UsageOut:
    """Return every day or month of a range with every metric."""
    return answers.usage(user, first, to, granularity, facility_id)


@app.get("/users/<userId>/records", summary="The records behind a number of a user's")
def records_of(
    user: UserInPath,
    answers: Answers,
    period: Period = None,
    billing_month: BillingMonth = None,
    event_type: EventType = None,
    cursor: Cursor = None,
) -> UsageRecordsOut:
    """Return what was counted in a period, or is of a month, about a hundred records at a time."""
    return answers.records(user, period, billing_month, event_type, cursor)


@app.get("/users/<userId>/audit", summary="What was changed of a user, and by whom")
def audit_of(user: UserInPath, answers: Answers, cursor: Cursor = None) -> AuditTrailOut:
    """Return the audit trail, the newest entries first."""
    return answers.audit(user, cursor)


@app.get("/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    """Return the description of this API, as it was generated from its models."""
    return Response(200, content_types.APPLICATION_JSON, OPENAPI.read_text())


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request."""
    return app.resolve(event, context)
