"""What is written down for ever when something changes (DESIGN rule 14)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tollkeeper.rules.subscriptions import Subscription

type Details = Mapping[str, Mapping[str, str | None]]


class Action(StrEnum):
    """What happened."""

    SUBSCRIPTION_CREATED = "SUBSCRIPTION_CREATED"
    SUBSCRIPTION_UPDATED = "SUBSCRIPTION_UPDATED"
    SUBSCRIPTION_CANCELED = "SUBSCRIPTION_CANCELED"
    PERIOD_CLOSED = "PERIOD_CLOSED"
    USAGE_UNBILLED = "USAGE_UNBILLED"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the append-only trail: who did what to which thing, when, and what changed by it.

    `details` holds what the thing was `before` and `after`, for the attributes that differ. `event_id` is
    the Stripe event that made Tollkeeper look.
    """

    user_id: str
    at: datetime
    actor: str
    action: Action
    entity_type: str
    entity_id: str
    details: Details
    event_id: str | None = None


def of_subscription(
    user_id: str, before: Subscription | None, after: Subscription, *, at: datetime, event_id: str | None
) -> AuditEntry | None:
    """Return the entry for what Stripe now says of a subscription; None if it says nothing new."""
    if before == after:
        return None
    known = before if before and before.id == after.id else None
    if after.ended_at and not (known and known.ended_at):
        action = Action.SUBSCRIPTION_CANCELED
    elif known is None:
        action = Action.SUBSCRIPTION_CREATED
    else:
        action = Action.SUBSCRIPTION_UPDATED
    old, new = _described(known), _described(after)
    changed = sorted(name for name in new if old.get(name) != new[name])
    details = {
        "before": {name: old.get(name) for name in changed},
        "after": {name: new[name] for name in changed},
    }
    return AuditEntry(user_id, at, "stripe", action, "subscription", after.id, details, event_id)


def _described(subscription: Subscription | None) -> dict[str, str | None]:
    if subscription is None:
        return {}
    names = (name for name in Subscription.__dataclass_fields__ if name != "id")
    return {name: _text(getattr(subscription, name)) for name in names}


def _text(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)
