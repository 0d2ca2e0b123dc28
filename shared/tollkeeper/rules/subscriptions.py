"""What a subscription gives its user, and which one counts (DESIGN rules 5 and 10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tollkeeper.catalogue import FREE

GRACE = timedelta(days=7)


class Status(StrEnum):
    """Stripe's own words for the state of a subscription."""

    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELED = "canceled"


LIVE = frozenset({Status.TRIALING, Status.ACTIVE, Status.PAST_DUE, Status.UNPAID, Status.PAUSED})


@dataclass(frozen=True, slots=True)
class Subscription:
    """What Stripe says of a subscription now.

    `period_start` and `period_end` are those of its items. `past_due_since` is when the invoice failed
    that made it past due.
    """

    id: str
    customer_id: str
    plan: str
    status: Status
    created: datetime
    period_start: datetime
    period_end: datetime
    trial_end: datetime | None = None
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    past_due_since: datetime | None = None

    @property
    def is_live(self) -> bool:
        """Whether it stands at Stripe: begun, and not ended."""
        return self.status in LIVE

    @property
    def has_begun(self) -> bool:
        """Whether it lives, or lived and has ended: one whose first payment never came does not count."""
        return self.is_live or (self.status is Status.CANCELED and self.ended_at is not None)

    @property
    def in_trial(self) -> bool:
        """Whether its present period is the trial, in which Stripe bills no usage."""
        return self.status is Status.TRIALING

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The present period, cut short where the subscription ended inside it."""
        if self.ended_at is None:
            return self.period_start, self.period_end
        return self.period_start, max(self.period_start, min(self.period_end, self.ended_at))

    @property
    def renews(self) -> bool:
        """Whether a period is expected to follow: it is live, and is not known to end with this one."""
        return self.is_live and (self.cancel_at is None or self.cancel_at > self.period_end)


def choose(subscriptions: Sequence[Subscription]) -> Subscription | None:
    """Of all a customer has, the oldest live one counts; if none lives, the newest of the others."""
    by_age = sorted(subscriptions, key=lambda each: (each.created, each.id))
    live = [each for each in by_age if each.is_live]
    if live:
        return live[0]
    return by_age[-1] if by_age else None


def effective_plan(subscription: Subscription | None, now: datetime) -> str:
    """Return the plan a user has the use of: theirs while trialing, active, or 7 days past due; else free."""
    match subscription:
        case Subscription(status=Status.TRIALING | Status.ACTIVE):
            return subscription.plan
        case Subscription(status=Status.PAST_DUE, past_due_since=since) if since and now < since + GRACE:
            return subscription.plan
        case _:
            return FREE
