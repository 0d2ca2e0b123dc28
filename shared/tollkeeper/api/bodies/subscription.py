"""A user's plan and what they have of it, and what they decide about it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StrictInt

from tollkeeper.api.bodies.model import Body
from tollkeeper.rules.plan_changes import Effective
from tollkeeper.rules.usage import MAX_QUANTITY
from tollkeeper.subscriptions.cancellations import CancelAt
from tollkeeper.usage.records import Sent


class OverageOut(Body):
    """What a period exceeds a limit by so far: units, and cents."""

    quantity: int
    amount: int


class SpendingCap(Body):
    """The most overage, in cents, that a user accepts in a period; null for no cap."""

    amount: Annotated[StrictInt, Field(ge=0, le=MAX_QUANTITY)] | None


class TrialOut(Body):
    """The trial, if the user is in one."""

    active: bool
    ends_at: datetime | None
    days_left: int


class PaymentMethodOut(Body):
    """What the next invoice is charged to, by Stripe's word for its type; all else is null but of a card."""

    type: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None


class SubscriptionOut(Body):
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
    pending_plan: str | None
    payment_method: PaymentMethodOut | None


class PlanRequest(Sent):
    """The plan to change to."""

    plan: str


class PlanChangeOut(Body):
    """A change of plan, and from when it holds."""

    plan: str
    effective: Effective
    at: datetime


class PlanPreviewOut(Body):
    """What a change of plan would mean; amounts are cents.

    `nextTotal` is the next bill's as Stripe has it by now: `overageSoFar` comes on top.
    """

    effective: Effective
    at: datetime
    due_now: int
    next_total: int
    limits: dict[str, int]
    overage_so_far: int


class CancellationRequest(Sent):
    """Whether to end the subscription with its present period, or now."""

    at: CancelAt


class CancellationOut(Body):
    """Stripe's status of a subscription, and when it is to end, or has ended: null where it goes on."""

    status: str
    cancel_at: datetime | None
    ended_at: datetime | None
