"""What is written down for ever when something changes (DESIGN rule 14)."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tollkeeper.rules.bills import Bill, State
from tollkeeper.rules.invoices import Invoice
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period
from tollkeeper.rules.reconciling import Drift
from tollkeeper.rules.subscriptions import Cause, Subscription
from tollkeeper.rules.times import iso

type Details = Mapping[str, Mapping[str, str | None]]


ALWAYS_TOLD = ("amount", "customer_id", "plan")
"""What every entry about a subscription says of it, changed or not."""


class Action(StrEnum):
    """What happened."""

    SUBSCRIPTION_CREATED = "SUBSCRIPTION_CREATED"
    SUBSCRIPTION_UPDATED = "SUBSCRIPTION_UPDATED"
    SUBSCRIPTION_CANCELED = "SUBSCRIPTION_CANCELED"
    SUBSCRIPTION_DUPLICATE_CANCELED = "SUBSCRIPTION_DUPLICATE_CANCELED"
    PERIOD_CLOSED = "PERIOD_CLOSED"
    OVERAGE_CHARGED = "OVERAGE_CHARGED"
    OVERAGE_MOVED = "OVERAGE_MOVED"
    OVERAGE_WAIVED = "OVERAGE_WAIVED"
    OVERAGE_VOIDED = "OVERAGE_VOIDED"
    OVERAGE_WRITTEN_OFF = "OVERAGE_WRITTEN_OFF"
    USAGE_UNBILLED = "USAGE_UNBILLED"
    BILLING_DRIFT = "BILLING_DRIFT"
    SPENDING_CAP_CHANGED = "SPENDING_CAP_CHANGED"
    USER_ERASED = "USER_ERASED"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the append-only trail: who did what to which thing, when, and what changed by it.

    `details` holds what the thing was `before` and `after`, for the attributes that differ. `event_id` is
    the Stripe event that made Tollkeeper look. An entry that has an `id` is written once, however often
    and by whomever it is written.
    """

    user_id: str
    at: datetime
    actor: str
    action: Action
    entity_type: str
    entity_id: str
    details: Details
    event_id: str | None = None
    id: str | None = None


def of_subscription(
    user_id: str,
    before: Subscription | None,
    after: Subscription,
    *,
    at: datetime,
    actor: str,
    event_id: str | None,
    offer: Offer,
) -> AuditEntry | None:
    """Return the entry for what Stripe now says of a subscription; None if it says nothing new.

    It always says which plan the subscription is of, whose customer pays, and the plan's price in cents.
    The end of one that its user gave up is theirs, whoever has it carried out.
    """
    if before == after:
        return None
    known = before if before and before.id == after.id else None
    if after.ended_at and not (known and known.ended_at):
        action = Action.SUBSCRIPTION_CANCELED
        actor = user_id if after.is_given_up else actor
    elif known is None:
        action = Action.SUBSCRIPTION_CREATED
    else:
        action = Action.SUBSCRIPTION_UPDATED
    old, new = _described(known, offer), _described(after, offer)
    changed = sorted(name for name in new if old.get(name) != new[name])
    details = {
        "before": {name: old.get(name) for name in changed},
        "after": {name: new[name] for name in sorted({*changed, *ALWAYS_TOLD})},
    }
    return AuditEntry(user_id, at, actor, action, "subscription", after.id, details, event_id)


def of_duplicate(
    user_id: str, duplicate: Subscription, *, beside: str | None, event_id: str | None
) -> AuditEntry | None:
    """Return the entry for a second live subscription that Tollkeeper cancelled; None if it was none.

    Whoever reads of it at Stripe writes it, for the one who cancelled it may have died since. Its time is
    that of its end and its name the subscription's, so that all of them write the same entry. `beside` is
    the subscription that stayed.
    """
    if duplicate.canceled_for is not Cause.DUPLICATE or duplicate.ended_at is None:
        return None
    details: Details = {
        "before": {"beside": beside, "created": _text(duplicate.created), "plan": duplicate.plan},
        "after": {"canceled_for": duplicate.canceled_for.value, "status": duplicate.status.value},
    }
    return AuditEntry(
        user_id,
        duplicate.ended_at,
        "tollkeeper",
        Action.SUBSCRIPTION_DUPLICATE_CANCELED,
        "subscription",
        duplicate.id,
        details,
        event_id,
        id=duplicate.id,
    )


def of_void_period(user_id: str, period: Period, *, at: datetime) -> AuditEntry:
    """Return the entry for usage that was counted in what turned out to be no period, and is not billed."""
    units = {metric: str(quantity) for metric, quantity in period.used.items() if quantity}
    name = f"{iso(period.start)} {period.subscription_id}"
    return AuditEntry(user_id, at, "tollkeeper", Action.USAGE_UNBILLED, "period", name, {"after": units})


def of_bill(before: Bill, after: Bill, invoice: Invoice | None, *, at: datetime) -> Iterator[AuditEntry]:
    """Return the entries for what has become of a period's charges by a step of their bill.

    What was charged is told in cents as the invoice has it, which may be a cent off where halves are rounded.
    """
    cents = {each.id: each.amount for each in after.charges or ()}
    if invoice:
        cents |= {line.charge_id: line.amount for line in invoice.lines if line.charge_id in cents}
    waived = after.waived - before.waived
    if waived:
        yield _of_charges(after, Action.OVERAGE_WAIVED, cents, waived, at)
    if before.state is not after.state and (action := _BILL_ACTIONS.get(after.state)):
        concerned = {each.id for each in after.left}
        if concerned:
            yield _of_charges(after, action, cents, concerned, at)


_BILL_ACTIONS = {
    State.AGREED: Action.OVERAGE_CHARGED,
    State.OPENING: Action.OVERAGE_MOVED,
    State.VOIDED: Action.OVERAGE_VOIDED,
    State.WRITTEN_OFF: Action.OVERAGE_WRITTEN_OFF,
}


def _of_charges(
    bill: Bill, action: Action, cents: Mapping[str, int], concerned: Collection[str], at: datetime
) -> AuditEntry:
    told = {
        each.metric: f"{each.quantity} for {cents[each.id]} cents"
        for each in bill.charges or ()
        if each.id in concerned
    }
    name = f"{iso(bill.period_start)} {bill.subscription_id}"
    details: Details = {"after": {**told, "invoice": bill.invoice_id}}
    return AuditEntry(bill.user_id, at, "reporter", action, "period", name, details)


def of_drift(user_id: str, period: str, drift: Drift, *, at: datetime) -> AuditEntry:
    """Return the entry for what does not agree about a closed period, which `period` names."""
    told = drift.metric or "period"
    details: Details = {
        "before": {told: drift.expected},
        "after": {told: drift.found, "kind": drift.kind.value},
    }
    return AuditEntry(user_id, at, "reconciler", Action.BILLING_DRIFT, "period", period, details)


def of_spending_cap(user_id: str, before: int | None, after: int | None, *, at: datetime) -> AuditEntry:
    """Return the entry for a cap that the user set, in cents, or took away (None)."""
    details: Details = {"before": {"spendingCap": _text(before)}, "after": {"spendingCap": _text(after)}}
    return AuditEntry(user_id, at, user_id, Action.SPENDING_CAP_CHANGED, "user", user_id, details)


def _described(subscription: Subscription | None, offer: Offer) -> dict[str, str | None]:
    if subscription is None:
        return {}
    # Whose first charge failed is cancelled before it is written; the cause of that is.
    names = (name for name in Subscription.__dataclass_fields__ if name not in {"id", "first_charge_failed"})
    told = {name: _text(getattr(subscription, name)) for name in names}
    return {**told, "amount": str(offer.price(subscription.plan))}


def _text(value: object) -> str | None:
    if isinstance(value, datetime):
        return iso(value)
    return None if value is None else str(value)
