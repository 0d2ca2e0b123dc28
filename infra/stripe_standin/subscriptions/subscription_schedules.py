"""Subscription schedules: changes that wait for a phase.

See docs.stripe.com/billing/subscriptions/subscription-schedules.
"""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

from stripe import ListObject, Subscription, SubscriptionSchedule
from stripe.params import (
    SubscriptionScheduleCancelParams,
    SubscriptionScheduleCreateParams,
    SubscriptionScheduleListParams,
    SubscriptionScheduleReleaseParams,
    SubscriptionScheduleRetrieveParams,
    SubscriptionScheduleUpdateParams,
)

from infra.stripe_standin.account.shapes import make, metadata, new_id, reference
from infra.stripe_standin.account.state import Account, Due
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.server.lists import matching, outside_clocks, page
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions import (
    billing_cycle,
    cancellations,
    pending_updates,
    schedule_phases,
    subscription_changes,
    subscription_status,
)

routes = Routes()


def due(account: Account) -> Iterator[Due]:
    """Phases that begin and schedules that end; before renewals of the same instant."""
    for schedule in account.all(SubscriptionSchedule):
        if schedule.status == "active" and schedule.current_phase:
            clock = str(schedule.test_clock) if schedule.test_clock else None
            yield Due(schedule.current_phase.end_date, partial(_next_phase, account, schedule), clock)


@routes.post("/v1/subscription_schedules", SubscriptionScheduleCreateParams)
def create(account: Account, params: SubscriptionScheduleCreateParams) -> SubscriptionSchedule:
    """Put a subscription under a schedule whose one phase is its current period.

    docs.stripe.com/billing/subscriptions/subscription-schedules/use-cases#existing-subscription
    """
    if "from_subscription" not in params:
        raise lacking("schedules that start subscriptions")
    if refused := params.keys() - {"from_subscription", "expand"}:
        raise RefusedError(f"You cannot set {min(refused)} with from_subscription.", param=min(refused))
    subscription = account.get(Subscription, params["from_subscription"], "from_subscription")
    if subscription.schedule or subscription.status not in subscription_status.LIVE:
        raise RefusedError(
            "The subscription is canceled or under a schedule already.", param="from_subscription"
        )
    start, end = billing_cycle.period(subscription)
    schedule = make(
        SubscriptionSchedule,
        id=new_id("sub_sched"),
        billing_mode=subscription.billing_mode.to_dict(),
        created=account.now(subscription.test_clock),
        current_phase={"start_date": start, "end_date": end},
        customer=str(subscription.customer),
        default_settings={
            "billing_cycle_anchor": "automatic",
            "collection_method": "charge_automatically",
            "invoice_settings": {"issuer": {"type": "self"}},
        },
        end_behavior="release",
        metadata=metadata(None),
        pause_schedules=[],
        phases=[schedule_phases.present(subscription, start, end)],
        status="active",
        subscription=subscription.id,
        test_clock=subscription.test_clock,
    )
    account.keep(schedule)
    with account.changing("customer.subscription.updated", subscription):
        subscription.schedule = schedule.id
    account.emit("subscription_schedule.created", schedule)
    return schedule


@routes.post("/v1/subscription_schedules/{schedule}", SubscriptionScheduleUpdateParams)
def update(account: Account, params: SubscriptionScheduleUpdateParams, schedule: str) -> SubscriptionSchedule:
    """Rewrite the phases, the current one included (docs.stripe.com/api/subscription_schedules/update)."""
    known = _active(account, schedule)
    subscription = account.get(Subscription, str(known.subscription))
    known.end_behavior = params.get("end_behavior", known.end_behavior)
    known.metadata = metadata(params.get("metadata"), known.metadata)
    if "phases" in params:
        known.phases = schedule_phases.read(account, subscription, known, list(params["phases"]))
        now = account.now(known.test_clock)
        current = next((phase for phase in known.phases if phase.start_date <= now < phase.end_date), None)
        if current is None:
            raise RefusedError("One phase must be current.", param="phases")
        behavior = params.get("proration_behavior", "create_prorations")
        _enter(account, known, subscription, current, proration_behavior=behavior)
    account.emit("subscription_schedule.updated", known)
    return known


def _next_phase(account: Account, schedule: SubscriptionSchedule) -> None:
    """Enter the following phase; after the last, do what the schedule's end behavior says."""
    subscription = account.get(Subscription, str(schedule.subscription))
    ended = schedule.current_phase.end_date if schedule.current_phase else 0
    for _, following in pairwise(schedule.phases):
        if following.start_date == ended:
            behavior = following.proration_behavior
            _enter(account, schedule, subscription, following, proration_behavior=behavior)
            account.emit("subscription_schedule.updated", schedule)
            return
    if schedule.end_behavior == "cancel":
        schedule.status, schedule.completed_at = "completed", account.now(schedule.test_clock)
        schedule.current_phase = None
        with account.changing("customer.subscription.updated", subscription):
            subscription.cancel_at = ended
        return
    _let_go(account, schedule, "completed" if schedule.end_behavior == "none" else "released")


def _enter(
    account: Account,
    schedule: SubscriptionSchedule,
    subscription: Subscription,
    phase: SubscriptionSchedule.Phase,
    *,
    proration_behavior: str,
) -> None:
    """Give the subscription the phase's items.

    On a period's boundary there is nothing to prorate: the renewal that follows bills the new items.
    """
    schedule.current_phase = make(
        SubscriptionSchedule.CurrentPhase, start_date=phase.start_date, end_date=phase.end_date
    )
    wanted = {reference(item.price): item for item in phase.items}
    present = {item.price.id: item for item in subscription.items.data}
    gone = [item for price, item in present.items() if price not in wanted]
    changes: list[dict[str, Any]] = []
    for price, wish in wanted.items():
        change: dict[str, Any] = {"price": price, **schedule_phases.quantity(wish.quantity)}
        if price in present:
            change["id"] = present[price].id
        elif gone:
            # A price that replaces another keeps its item, as an update by hand would.
            change["id"] = gone.pop(0).id
        changes.append(change)
    changes += [{"id": item.id, "deleted": True} for item in gone]
    after = subscription_changes.changed_items(account, subscription, changes)
    at_boundary = account.now(schedule.test_clock) >= billing_cycle.period(subscription)[1]
    behavior = "none" if at_boundary else proration_behavior
    with account.changing("customer.subscription.updated", subscription):
        if subscription.pending_update:
            pending_updates.drop(account, subscription)
        subscription_changes.swap(account, subscription, after, {"proration_behavior": behavior})


@routes.post("/v1/subscription_schedules/{schedule}/release", SubscriptionScheduleReleaseParams)
def release(
    account: Account, _params: SubscriptionScheduleReleaseParams, schedule: str
) -> SubscriptionSchedule:
    """Let the subscription go on as it is (docs.stripe.com/api/subscription_schedules/release)."""
    known = _active(account, schedule)
    _let_go(account, known, "released")
    return known


def _let_go(account: Account, schedule: SubscriptionSchedule, status: str) -> None:
    now = account.now(schedule.test_clock)
    subscription = account.get(Subscription, str(schedule.subscription))
    schedule.status, schedule.current_phase = status, None
    if status == "released":
        schedule.released_at, schedule.released_subscription, schedule.subscription = (
            now,
            subscription.id,
            None,
        )
    else:
        schedule.completed_at = now
    with account.changing("customer.subscription.updated", subscription):
        subscription.schedule = None
    account.emit(f"subscription_schedule.{status}", schedule)


@routes.post("/v1/subscription_schedules/{schedule}/cancel", SubscriptionScheduleCancelParams)
def cancel(account: Account, params: SubscriptionScheduleCancelParams, schedule: str) -> SubscriptionSchedule:
    """Cancel the schedule and its subscription at once, invoiced and prorated unless told otherwise.

    See docs.stripe.com/api/subscription_schedules/cancel.
    """
    known = _active(account, schedule)
    cancellations.end_now(
        account,
        account.get(Subscription, str(known.subscription)),
        invoice_now=params.get("invoice_now", True),
        prorate=params.get("prorate", True),
    )
    return known


@routes.get("/v1/subscription_schedules", SubscriptionScheduleListParams)
def listed(account: Account, params: SubscriptionScheduleListParams) -> ListObject[SubscriptionSchedule]:
    """List schedules (docs.stripe.com/api/subscription_schedules/list)."""
    found = matching(account.all(SubscriptionSchedule), params, "customer")
    found = outside_clocks(found, params, "customer")
    return page(found, params, "/v1/subscription_schedules")


@routes.get("/v1/subscription_schedules/{schedule}", SubscriptionScheduleRetrieveParams)
def retrieve(
    account: Account, _params: SubscriptionScheduleRetrieveParams, schedule: str
) -> SubscriptionSchedule:
    """Retrieve a schedule (docs.stripe.com/api/subscription_schedules/retrieve)."""
    return account.get(SubscriptionSchedule, schedule)


def _active(account: Account, identifier: str) -> SubscriptionSchedule:
    schedule = account.get(SubscriptionSchedule, identifier)
    if schedule.status != "active":
        raise RefusedError(f"The schedule is {schedule.status}.", code="resource_missing")
    return schedule
