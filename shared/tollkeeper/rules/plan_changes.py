"""Which way a change of plan goes, and from when it holds (DESIGN rule 7)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Subscription


class Effective(StrEnum):
    """From when a change holds."""

    NOW = "now"
    PERIOD_END = "period_end"


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A change of plan: to which, and from when it holds."""

    plan: str
    effective: Effective
    at: datetime


def plan_change(subscription: Subscription, plan: str, offer: Offer, now: datetime) -> PlanChange:
    """Return what a change to a plan is: one that costs more holds now, any other from the period's end.

    Who stays on their present plan stays now: that takes back a change that was to come.
    """
    if plan == subscription.plan or offer.is_upgrade(subscription.plan, plan):
        return PlanChange(plan, Effective.NOW, now)
    return PlanChange(plan, Effective.PERIOD_END, subscription.period_end)


def holds(subscription: Subscription, change: PlanChange) -> bool:
    """Whether Stripe has a subscription as a change was to make it."""
    if change.effective is Effective.PERIOD_END:
        return subscription.pending_plan == change.plan
    return subscription.plan == change.plan and subscription.pending_plan is None
