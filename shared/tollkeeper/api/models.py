"""The bodies of requests and answers, as the public contract has them: JSON, camelCase, cents, UTC."""

import json
from datetime import date, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SkipValidation,
    StrictInt,
)
from pydantic.alias_generators import to_camel

from tollkeeper.rules.audit import Details
from tollkeeper.rules.limits import OnLimit
from tollkeeper.rules.series import Granularity
from tollkeeper.rules.times import parse_iso
from tollkeeper.rules.usage import (
    FURTHEST_AHEAD,
    LONGEST_USER_ID,
    MAX_EVENT_DATA_BYTES,
    MAX_EVENT_DATA_DEPTH,
    MAX_ID_LENGTH,
    MAX_QUANTITY,
    OLDEST,
    is_within_depth,
)

MOST_RECORDS = 1_000


class Model(BaseModel):
    """Shared manners: camelCase outside, snake_case inside, nothing unknown is taken."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid", frozen=True)


class Request(Model):
    """What is sent to us: by its names in JSON, and no others."""

    model_config = ConfigDict(validate_by_name=False)


def _is_small(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if not is_within_depth(data):
        raise ValueError(f"is nested deeper than {MAX_EVENT_DATA_DEPTH} levels")
    size = len(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    if size > MAX_EVENT_DATA_BYTES:
        raise ValueError(f"is {size} bytes of JSON; at most {MAX_EVENT_DATA_BYTES} are kept")
    return data


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 text, for example 2025-11-03T17:04:05Z")  # noqa: TRY004 - pydantic's way
    return parse_iso(value)


def _day(value: object) -> date:
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 date, for example 2025-11-03")  # noqa: TRY004 - pydantic's way
    return date.fromisoformat(value)


Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]
UserId = Annotated[str, Field(min_length=1, max_length=LONGEST_USER_ID)]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
Day = Annotated[date, BeforeValidator(_day)]
Month = Annotated[str, Field(pattern="^[1-9][0-9]{3}-(0[1-9]|1[0-2])$")]


class UsageRecordIn(Request):
    """One thing a user did, under an id that is the same however often it is sent."""

    id: Id
    user_id: UserId
    event_type: Annotated[str, Field(description="A metric of the catalogue, such as apiCalls.")]
    quantity: Annotated[StrictInt, Field(ge=1, le=MAX_QUANTITY)] = 1
    timestamp: Annotated[
        Instant | None,
        Field(
            description=f"When it happened; now, if left out. At most {OLDEST.days} days ago and "
            f"{FURTHEST_AHEAD.seconds // 60} minutes ahead."
        ),
    ] = None
    facility_id: Id | None = None
    event_data: Annotated[dict[str, JsonValue], AfterValidator(_is_small)] | None = None


class CorrectionIn(Request):
    """What takes counted usage back, in the period that is open now. Nothing counted is ever edited."""

    id: Id
    user_id: UserId
    event_type: Annotated[str, Field(description="A metric of the catalogue, such as apiCalls.")]
    quantity: Annotated[StrictInt, Field(ge=-MAX_QUANTITY, le=-1)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    actor: Annotated[str, Field(min_length=1, max_length=256, description="Who corrects.")]


class UsageBatch(Request):
    """Up to 1,000 usage records, each judged by itself."""

    records: list[SkipValidation[UsageRecordIn]]


class Rejected(Model):
    """A record that was not taken, and why. Send it again as it is only if it is `retryable`."""

    index: int
    id: str | None
    error: str
    message: str
    retryable: bool


class UsageAccepted(Model):
    """How many records were taken, and which were not."""

    accepted: int
    rejected: list[Rejected]


class Failure(Model):
    """Any error: a code for programs and a sentence for people."""

    model_config = ConfigDict(extra="allow")

    error: str
    message: str


class CheckoutRequest(Request):
    """Which plan to subscribe to, and where to come back to."""

    plan: str
    success_url: Annotated[str, Field(max_length=2048)]
    cancel_url: Annotated[str, Field(max_length=2048)]


class CheckoutSessionOut(Model):
    """Where to send the user to pay."""

    id: str
    url: str


class QuotaOut(Model):
    """Where a user stands with one metric. `limit` and `remaining` are -1 where the plan is unlimited."""

    allowed: bool
    limit: int
    current: int
    remaining: int
    plan_tier: str
    on_limit: OnLimit
    resets_at: datetime | None


class ConsumeIn(Request):
    """What a user is about to do, under an id that is the same however often it is sent."""

    user_id: UserId
    id: Id
    quantity: Annotated[StrictInt, Field(ge=1, le=MAX_QUANTITY)] = 1
    facility_id: Id | None = None
    event_data: Annotated[dict[str, JsonValue], AfterValidator(_is_small)] | None = None


class ReleaseIn(Request):
    """What was consumed under an id and did not happen after all: all of it, or a quantity."""

    user_id: UserId
    id: Id
    quantity: Annotated[StrictInt, Field(ge=1, le=MAX_QUANTITY)] | None = None


class ConsumptionOut(QuotaOut):
    """Where a user stands after consuming or releasing."""

    id: str


class OverageOut(Model):
    """What a period exceeds a limit by so far: units, and cents."""

    quantity: int
    amount: int


class SpendingCap(Model):
    """The most overage, in cents, that a user accepts in a period; null for no cap."""

    amount: Annotated[StrictInt, Field(ge=0, le=MAX_QUANTITY)] | None


class TrialOut(Model):
    """The trial, if the user is in one."""

    active: bool
    ends_at: datetime | None
    days_left: int


class PaymentMethodOut(Model):
    """What the next invoice is charged to, by Stripe's word for its type; all else is null but of a card."""

    type: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None


class SubscriptionOut(Model):
    """A user's plan and usage in the present period. Limits of -1 are unlimited; amounts are cents."""

    plan: str
    status: str | None
    usage: dict[str, int]
    limits: dict[str, int]
    overage: dict[str, OverageOut]
    projected_total: int
    spending_cap: int | None
    customer_id: str | None
    subscription_id: str | None
    current_period_start: datetime
    current_period_end: datetime | None
    trial: TrialOut
    cancel_at: datetime | None
    payment_method: PaymentMethodOut | None


class UsageStepOut(Model):
    """What was used of every metric from one day of a series until the next step, or its end."""

    start: date
    usage: dict[str, int]


class UsageOut(Model):
    """Usage by day or by month (UTC), every one of the range and every metric in it, and what it comes to."""

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    granularity: Granularity
    facility_id: str | None
    series: list[UsageStepOut]
    total: dict[str, int]


class UsageRecordOut(Model):
    """One record behind a number. After 400 days only id, metric, quantity and month of it are left.

    `late` says that its own period was closed when it came, so that it counts in a later one; `unbilled`
    that it could not be charged for any more; `dropped` that it is shown but counts in no period. `released`
    is how much of the quantity was taken back and does not count.
    """

    id: str
    event_type: str
    quantity: int
    billing_month: str
    timestamp: datetime | None = None
    facility_id: str | None = None
    event_data: dict[str, JsonValue] | None = None
    late: bool | None = None
    unbilled: bool | None = None
    dropped: bool | None = None
    released: int | None = None
    accepted_at: datetime | None = None
    reason: str | None = None
    actor: str | None = None


class UsageRecordsOut(Model):
    """Some of the records asked for, about a hundred, and where the next ones begin: null at the end.

    A call may bring fewer, or none, and still a cursor: an `eventType` is looked for among all records.
    """

    records: list[UsageRecordOut]
    cursor: str | None


class AuditEntryOut(Model):
    """Who did what to which thing, when, and what of it that changed."""

    at: datetime
    actor: str
    action: str
    entity_type: str
    entity_id: str
    details: Details
    event_id: str | None


class AuditTrailOut(Model):
    """Some of the audit trail, the newest first, and where the next entries begin: null at the end."""

    entries: list[AuditEntryOut]
    cursor: str | None
