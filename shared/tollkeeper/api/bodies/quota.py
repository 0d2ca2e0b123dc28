"""What the quota endpoints take and answer. They do it by hand, for speed; tests hold one to the other."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from tollkeeper.api.bodies.model import Body, without_default
from tollkeeper.rules.limits import OnLimit
from tollkeeper.usage.records import EventData, Id, Quantity, Sent, UserId


class MetricStanding(Body):
    """Where a user stands with one metric. `limit` and `remaining` are -1 where the plan is unlimited."""

    limit: int
    current: int
    remaining: int
    plan_tier: str
    on_limit: OnLimit
    resets_at: datetime | None


class QuotaOut(MetricStanding):
    """Whether a user may go on, and where they stand. `limit` and `remaining` are -1 without a limit."""

    allowed: bool


class ConsumeRefused(MetricStanding):
    """Where a user stands who has reached a limit, or the spending cap, which is told in cents then."""

    error: Literal["Usage limit exceeded", "Spending cap reached"]
    message: str
    upgrade_url: str
    spending_cap: Annotated[int | SkipJsonSchema[None], Field(json_schema_extra=without_default)] = None


class ConsumeIn(Sent):
    """What a user is about to do, under an id that is the same however often it is sent."""

    user_id: UserId
    id: Id
    quantity: Quantity = 1
    facility_id: Id | None = None
    event_data: EventData | None = None


class ReleaseIn(Sent):
    """What was consumed under an id and did not happen after all: all of it, or a quantity."""

    user_id: UserId
    id: Id
    quantity: Quantity | None = None


class ConsumptionOut(QuotaOut):
    """Where a user stands after consuming or releasing."""

    id: str
