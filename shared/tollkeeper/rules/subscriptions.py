"""What a subscription gives its user, and which one counts (DESIGN rules 5 and 10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from tollkeeper.catalogue import FREE
from tollkeeper.rules.times import SECOND

GRACE = timedelta(days=7)

SLACK = timedelta(days=3)
"""How long past its own end a status is believed: so long Stripe tries to deliver its word of the next."""

ASKED_AFTER = timedelta(hours=2)
"""How long after a period's end Stripe is asked, if its word of the next has not come: it takes about one."""


SOONEST_ASKED_AGAIN = timedelta(hours=1)
LATEST_ASKED_AGAIN = timedelta(days=1)
"""How long after it was asked Stripe is asked again, while its word stays what it was."""

CANCELED_WITHIN = timedelta(minutes=10)
"""How long a subscription that its user gave up may live on at Stripe before it is looked at again."""


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


class Cause(StrEnum):
    """Why Tollkeeper itself cancels a subscription. Stripe keeps it, so that it can be read there again."""

    DUPLICATE = "duplicate"
    FIRST_CHARGE_FAILED = "first_charge_failed"
    REQUESTED = "requested"
    """Its user gave it up, at once."""


@dataclass(frozen=True, slots=True)
class Card:
    """What people know a card by."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int

    def __str__(self) -> str:
        return f"{self.brand} {self.last4} {self.exp_month}/{self.exp_year}"


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """What invoices are charged to: its type in Stripe's word, and the card if it is one."""

    type: str
    card: Card | None = None

    def __str__(self) -> str:
        return str(self.card or self.type)


@dataclass(frozen=True, slots=True)
class Subscription:
    """What Stripe says of a subscription now.

    `period_start` and `period_end` are those of its items. `past_due_since` is when the oldest invoice
    failed that is still to be paid, and `first_charge_failed` says that this is the first after a trial.
    `canceled_for` is given where Tollkeeper cancelled it, or is about to since its user gave it up: then
    `cancel_at` is when they did. `pending_plan` is the plan that a schedule gives it from the
    end of its present period, if that is another. `payment_method` is what its invoices are charged to.
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
    first_charge_failed: bool = False
    canceled_for: Cause | None = None
    pending_plan: str | None = None
    payment_method: PaymentMethod | None = None

    @property
    def is_live(self) -> bool:
        """Whether it stands at Stripe: begun, and not ended."""
        return self.status in LIVE

    @property
    def is_given_up(self) -> bool:
        """Whether its user ended it at once: that holds from their word on, before Stripe has ended it."""
        return self.canceled_for is Cause.REQUESTED

    def plan_at(self, instant: datetime) -> str:
        """Return its plan at an instant: a pending one holds from the end of the present period."""
        return self.pending_plan if self.pending_plan and instant >= self.period_end else self.plan

    @property
    def has_begun(self) -> bool:
        """Whether it lives, or lived and has ended: one whose first payment never came does not count."""
        return self.is_live or (self.status is Status.CANCELED and self.ended_at is not None)

    @property
    def may_be_paid(self) -> bool:
        """Whether an invoice may be open by whose payment it is begun, or good again.

        One whose first charge failed after a trial is about to end: nothing is to be paid for it any more.
        """
        owes = self.status in {Status.INCOMPLETE, Status.PAST_DUE, Status.UNPAID}
        return owes and not self.first_charge_failed

    @property
    def in_trial(self) -> bool:
        """Whether its present period is the trial, in which Stripe bills no usage."""
        return self.status is Status.TRIALING

    @property
    def period_is_trial(self) -> bool:
        """Whether its present period is the trial, also where it ended inside of it."""
        return self.in_trial or (self.trial_end is not None and self.period_start < self.trial_end)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The present period, cut short where the subscription ended, or was given up, inside it.

        One that was given up lasts a second at least, so that what was used in its first one is not lost.
        """
        ended_at = self.ended_at or (self.cancel_at if self.is_given_up else None)
        if ended_at is None:
            return self.period_start, self.period_end
        earliest = self.period_start + SECOND if self.is_given_up else self.period_start
        return self.period_start, max(earliest, min(self.period_end, ended_at))

    @property
    def believed_until(self) -> datetime:
        """Until when its status is taken for what it still is, without another word of Stripe's."""
        return self.period_end + SLACK if self.renews else self.period_end

    @property
    def renews(self) -> bool:
        """Whether a period is expected to follow: it is live, and is not known to end with this one."""
        return self.is_live and (self.cancel_at is None or self.cancel_at > self.period_end)


def choose(subscriptions: Sequence[Subscription]) -> Subscription | None:
    """Of all a customer has, the oldest live one counts; if none lives, the one that ended last.

    One that Tollkeeper cancelled as a duplicate counts only where there is no other, and so does one whose
    first payment never came.
    """
    live = [each for each in subscriptions if each.is_live]
    if live:
        return min(live, key=_age)
    return max(subscriptions, key=_ending, default=None)


def _age(of: Subscription) -> tuple[datetime, str]:
    return of.created, of.id


def _ending(of: Subscription) -> tuple[bool, bool, datetime, datetime, str]:
    is_duplicate = of.canceled_for is Cause.DUPLICATE
    return not is_duplicate, of.has_begun, of.ended_at or of.created, of.created, of.id


def to_cancel(subscriptions: Sequence[Subscription]) -> Mapping[str, Cause]:
    """Return which of a customer's subscriptions must not go on, and why.

    What its user gave up ends. A trial whose first invoice was not paid has no grace. Of the others that live
    the oldest one stays.
    """
    live = [each for each in subscriptions if each.is_live]
    ending = {each.id: Cause.FIRST_CHARGE_FAILED for each in live if each.first_charge_failed}
    ending |= {each.id: Cause.REQUESTED for each in live if each.is_given_up}
    kept = choose([each for each in live if each.id not in ending])
    return ending | {each.id: Cause.DUPLICATE for each in live if each is not kept and each.id not in ending}


def given_up(subscription: Subscription, now: datetime) -> Subscription:
    """Return a live subscription as its user's decision to end it at once leaves it, before Stripe hears it.

    Where its period is over and Stripe has not renewed it yet, it is the period after that one that ends:
    what was used since belongs there, if Stripe has begun it when it hears.
    """
    at = now.replace(microsecond=0)
    decided = replace(subscription, cancel_at=at, canceled_for=Cause.REQUESTED)
    if at < subscription.period_end:
        return decided
    status = Status.ACTIVE if subscription.in_trial else subscription.status
    return replace(decided, status=status, period_start=subscription.period_end, period_end=at)


def as_decided(said: Subscription, known: Subscription | None) -> Subscription:
    """Return what Stripe says of a subscription, with its user's decision: what was given up stays so.

    `known` is the subscription in the user's row.
    """
    is_given_up = known is not None and known.id == said.id and known.is_given_up
    return replace(said, canceled_for=Cause.REQUESTED) if is_given_up else said


def ask_at(subscription: Subscription, now: datetime) -> datetime | None:
    """Return when Stripe is to be asked, if it says no more of a subscription; None if that has ended.

    Soon, if its user gave it up: then it is still to be cancelled. Else two hours after the end of its
    period. Where that has passed, as it may where nothing is paid any more, once more after as long as it has
    been waited for, an hour at least and a day at most.
    """
    if not subscription.is_live:
        return None
    if subscription.is_given_up:
        return now + CANCELED_WITHIN
    expected = subscription.period_end + ASKED_AFTER
    if now < expected:
        return expected
    return now + max(SOONEST_ASKED_AGAIN, min(LATEST_ASKED_AGAIN, now - expected))


def effective_plan(subscription: Subscription | None, now: datetime) -> str:
    """Return the plan a user has the use of: theirs while trialing, active, or 7 days past due; else free.

    What Stripe said holds until the end of the period it was said of, and three days beyond where another
    should follow. Then nothing is given away any more until Stripe has been asked. What they gave up is
    theirs no more.
    """
    match subscription:
        case Subscription(canceled_for=Cause.REQUESTED):
            return FREE
        case Subscription(status=Status.TRIALING | Status.ACTIVE) if now < subscription.believed_until:
            return subscription.plan_at(now)
        case Subscription(status=Status.PAST_DUE, past_due_since=since) if since and now < since + GRACE:
            return subscription.plan_at(now)
        case _:
            return FREE
