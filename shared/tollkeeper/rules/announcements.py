"""What the SaaS is told, for it to act on: mail, chat, feature switches (DESIGN rule 17 and §4).

An announcement may arrive more than once, but always under the same id, which nothing but the announced fact
decides: whoever remembers ids can drop what they have had.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Self

from tollkeeper.rules.bills import Bill, State
from tollkeeper.rules.limits import standing
from tollkeeper.rules.periods import Period
from tollkeeper.rules.reconciling import Drift
from tollkeeper.rules.subscriptions import Cause, Subscription
from tollkeeper.rules.times import iso
from tollkeeper.rules.users import User

THRESHOLDS = (50, 80, 100)
"""Percents of a limit at which a user's usage is announced."""


class Kind(StrEnum):
    """What is announced; on the event bus this is the event's `detail-type`."""

    SUBSCRIPTION_ACTIVATED = "subscription.activated"
    SUBSCRIPTION_CHANGED = "subscription.changed"
    SUBSCRIPTION_CANCELED = "subscription.canceled"
    TRIAL_WILL_END = "trial.will_end"
    PAYMENT_SUCCEEDED = "payment.succeeded"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_METHOD_CHANGED = "payment_method.changed"
    USAGE_THRESHOLD_REACHED = "usage.threshold_reached"
    CHARGE_WAIVED = "charge.waived"
    BILLING_DRIFT = "billing.drift"


type Plain = str | int | bool | None
"""What a detail may hold: instants are ISO 8601 text, amounts whole cents."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One thing that happened to one user. `detail` says more of it, in the contract's names."""

    id: str
    kind: Kind
    user_id: str
    at: datetime
    detail: Mapping[str, Plain]

    @classmethod
    def of(
        cls, kind: Kind, user_id: str, facts: Sequence[str], *, at: datetime, detail: Mapping[str, Plain]
    ) -> Self:
        """Return the announcement of a fact, named by what makes it that fact and no other.

        `facts` are what tells it from others of its kind and user, such as an invoice's id and the number of
        the attempt to collect it. Neither `at` nor `detail` decides the id.
        """
        name = sha256(json.dumps([kind, user_id, *facts]).encode()).hexdigest()
        return cls(name, kind, user_id, at, detail)


def of_subscription(user: User, after: Subscription, *, at: datetime) -> Announcement | None:
    """Return what there is to announce when Stripe's word is written to a user's row; None if nothing.

    A user's subscription is activated when they had no live one, canceled when they have none any more, and
    changed when its plan, the plan to come, status, trial or planned end did. That it renewed is told by its
    payment. A row is written once under each revision, so that the revision tells one change from the next.
    """
    before = user.subscription
    was_live, is_live = before is not None and before.is_live, after.is_live
    if is_live and not was_live:
        kind = Kind.SUBSCRIPTION_ACTIVATED
    elif was_live and not is_live:
        kind = Kind.SUBSCRIPTION_CANCELED
    elif is_live and _shown(before) != _shown(after):
        kind = Kind.SUBSCRIPTION_CHANGED
    else:
        return None
    detail = {
        **_shown(after),
        "currentPeriodEnd": iso(after.period_end),
        "endedAt": _text(after.ended_at),
        "previousPlan": before.plan if before else None,
        "previousStatus": before.status.value if before else None,
    }
    return Announcement.of(kind, user.user_id, [after.id, str(user.rev)], at=at, detail=detail)


def of_duplicate(user_id: str, kept: Subscription, duplicate: Subscription) -> Announcement | None:
    """Return what there is to announce of a second live subscription that was cancelled; None if it was none.

    It is announced as a change of the one that stays: to whoever switches features by these, the user keeps
    what that one gives them.
    """
    if duplicate.canceled_for is not Cause.DUPLICATE or duplicate.ended_at is None:
        return None
    detail = {**_shown(kept), "canceledDuplicate": duplicate.id, "canceledDuplicatePlan": duplicate.plan}
    facts = [duplicate.id, duplicate.canceled_for.value]
    return Announcement.of(Kind.SUBSCRIPTION_CHANGED, user_id, facts, at=duplicate.ended_at, detail=detail)


def of_trial_end(user_id: str, subscription: Subscription | None, *, at: datetime) -> Announcement | None:
    """Return the announcement that a trial is about to end; None if there is no trial going on any more."""
    if subscription is None or not subscription.in_trial or subscription.trial_end is None:
        return None
    facts = [subscription.id, iso(subscription.trial_end)]
    return Announcement.of(Kind.TRIAL_WILL_END, user_id, facts, at=at, detail=_shown(subscription))


def of_usage(user_id: str, before: Period | None, after: Period, *, at: datetime) -> Iterator[Announcement]:
    """Return the thresholds that a period reaches by a change of its row: `before` is None for a new one.

    Each side is judged on its own terms: a higher limit is used to a lesser part, a lower one to a greater.
    What an upgrade froze as overage is paid apart and uses nothing of the new limit. A threshold reached
    again, after a correction or on a higher limit, bears the id that it had.
    """
    for metric in after.used:
        for threshold in THRESHOLDS:
            if _reaches(after, metric, threshold) and not (before and _reaches(before, metric, threshold)):
                yield _threshold(user_id, after, metric, threshold, at)


def of_waived(before: Bill, after: Bill, *, at: datetime) -> Iterator[Announcement]:
    """Return the announcements of charges that nobody is asked for any more, by a person's hand at Stripe.

    Their line was removed from an invoice, or their final invoice voided: they are never made again.
    """
    removed = after.waived - before.waived
    is_voided = after.state is State.VOIDED and before.state is not State.VOIDED
    voided = {each.id for each in after.left} if is_voided else set[str]()
    for charge in after.charges or ():
        if charge.id in removed | voided:
            detail: dict[str, Plain] = {
                "eventType": charge.metric,
                "quantity": charge.quantity,
                "amount": charge.amount,
                "reason": "voided" if charge.id in voided else "removed",
                "invoiceId": before.invoice_id,
                "periodStart": iso(after.period_start),
                "periodEnd": iso(after.period_end),
            }
            yield Announcement.of(Kind.CHARGE_WAIVED, after.user_id, [charge.id], at=at, detail=detail)


def of_drift(
    user_id: str, period: Period, drift: Drift, invoice_id: str | None, *, at: datetime
) -> Announcement:
    """Return the announcement of what does not agree about a closed period: once for each finding."""
    facts = [period.subscription_id or "", iso(period.start), drift.kind, drift.metric or "", drift.found]
    detail: dict[str, Plain] = {
        "kind": drift.kind.value,
        "eventType": drift.metric,
        "expected": drift.expected,
        "found": drift.found,
        "invoiceId": invoice_id,
        "periodStart": iso(period.start),
        "periodEnd": _text(period.end),
    }
    return Announcement.of(Kind.BILLING_DRIFT, user_id, facts, at=at, detail=detail)


def _reaches(period: Period, metric: str, percent: int) -> bool:
    """Whether so much of a limit is used; there is no part of what is unlimited, or of nothing."""
    limit = period.terms.limits.get(metric, 0)
    used = period.used.get(metric, 0) - period.incurred.get(metric, 0)
    return limit > 0 and used * 100 >= limit * percent


def _threshold(user_id: str, period: Period, metric: str, percent: int, at: datetime) -> Announcement:
    stands = standing(period.terms, metric, period.used[metric], period.incurred.get(metric, 0))
    detail: dict[str, Plain] = {
        "eventType": metric,
        "threshold": percent,
        "limit": stands.limit,
        "current": stands.current,
        "remaining": stands.remaining,
        "onLimit": stands.on_limit.value,
        "planTier": period.terms.plan,
        "periodStart": iso(period.start),
        "resetsAt": _text(period.end),
    }
    facts = [period.subscription_id or "", iso(period.start), metric, str(percent)]
    return Announcement.of(Kind.USAGE_THRESHOLD_REACHED, user_id, facts, at=at, detail=detail)


def _shown(subscription: Subscription | None) -> dict[str, Plain]:
    if subscription is None:
        return {}
    return {
        "subscriptionId": subscription.id,
        "plan": subscription.plan,
        "status": subscription.status.value,
        "trialEndsAt": _text(subscription.trial_end),
        "cancelAt": _text(subscription.cancel_at),
        "pendingPlan": subscription.pending_plan,
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else iso(instant)
