"""/subscription/…: what users decide about their own subscription."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends
from aws_lambda_powertools.event_handler.openapi.params import Header, Query

from tollkeeper import runtime
from tollkeeper.api.bodies.subscription import (
    CancellationOut,
    CancellationRequest,
    PlanChangeOut,
    PlanPreviewOut,
    PlanRequest,
    SpendingCap,
)
from tollkeeper.api.resolver import Caller, handler_of, resolver
from tollkeeper.clock import Clock as ThatTellsTime
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.runtime import subscriptions
from tollkeeper.subscriptions.cancellations import Cancellations
from tollkeeper.subscriptions.plan_changes import PlanChanges

app = resolver()

Clock = Annotated[ThatTellsTime, Depends(runtime.clock)]
Waits = Annotated[Patience, Depends(runtime.patience)]
Changes = Annotated[PlanChanges, Depends(subscriptions.plan_changes)]
Ends = Annotated[Cancellations, Depends(subscriptions.cancellations)]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="What is sent again under the same key is done once, and answered by what came of it.",
    ),
]


@app.put("/subscription/spending-cap", summary="Set the most overage that the caller accepts in a period")
def set_spending_cap(
    body: SpendingCap,
    user: Caller,
    caps: Annotated[SpendingCaps, Depends(subscriptions.spending_caps)],
    clock: Clock,
    patience: Waits,
) -> SpendingCap:
    """Hold from now on: consuming beyond it is refused, and what is tracked beyond it is not billed."""
    caps.set(user, body.amount, clock.now(), patience)
    return body


@app.get("/subscription/plan/preview", summary="What another plan would mean for the caller")
def preview_plan(
    plan: Annotated[str, Query(description="The plan to change to.")],
    user: Caller,
    changes: Changes,
    clock: Clock,
) -> PlanPreviewOut:
    """Say from when it would hold, what would be due, and what it includes; nothing is changed."""
    return PlanPreviewOut.of(changes.preview(user, plan, clock.now()))


@app.post("/subscription/plan", summary="Change the caller's plan")
def change_plan(
    body: PlanRequest, user: Caller, changes: Changes, clock: Clock, patience: Waits, key: Key = None
) -> PlanChangeOut:
    """Hold now if it costs more and is paid, else from the period's end; the present plan takes it back."""
    return PlanChangeOut.of(changes.change(user, body.plan, key, clock.now(), patience))


@app.post("/subscription/cancel", summary="End the caller's subscription")
def cancel(
    body: CancellationRequest, user: Caller, ends: Ends, clock: Clock, patience: Waits, key: Key = None
) -> CancellationOut:
    """End with the present period, or now: then what was used is charged."""
    return CancellationOut.of(ends.cancel(user, body.at, key, clock.now(), patience))


@app.post("/subscription/resume", summary="Let the caller's subscription go on")
def resume(user: Caller, ends: Ends, clock: Clock, patience: Waits, key: Key = None) -> CancellationOut:
    """Take back that it is to end with its period."""
    return CancellationOut.of(ends.resume(user, key, clock.now(), patience))


def admit(event: Mapping[str, Any]) -> str:
    """Let every user see what a change would mean, and those change something who may buy."""
    if event["routeKey"] == "GET /subscription/plan/preview":
        return runtime.authorizer().user(event)
    return runtime.authorizer().buyer(event)


handler = handler_of(app, admit)
