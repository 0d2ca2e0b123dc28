"""A user as the ledger knows them, and which of their periods an instant belongs to (DESIGN rule 3)."""

from dataclasses import dataclass, replace
from datetime import datetime

from tollkeeper.catalogue import FREE, LatePolicy
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period, Terms, calendar_month
from tollkeeper.rules.subscriptions import Subscription, effective_plan
from tollkeeper.rules.usage import UsageRecord


@dataclass(frozen=True, slots=True)
class User:
    """A user's row, with the periods the ledger has of them around the present, newest first.

    `rev` counts the writes of what Stripe said, so that an older word never overwrites a newer one.
    `customer_id` is the user's one Stripe customer, if they have one yet; `spending_cap` the most overage
    in cents that they accept in a period.
    """

    user_id: str
    rev: int = 0
    customer_id: str | None = None
    subscription: Subscription | None = None
    trial_used: bool = False
    spending_cap: int | None = None
    periods: tuple[Period, ...] = ()


def period_at(user: User, instant: datetime, offer: Offer) -> Period:
    """Return the period that holds an instant: a known one, or the one that its first record would start.

    A subscription's periods go before the calendar month. Past the known end of a subscription that goes
    on, the period is provisional: it starts at that end, and has none until Stripe has renewed.
    """
    for period in user.periods:
        if period.subscription_id is not None and period.holds(instant):
            return period
    subscription = user.subscription
    if subscription and subscription.has_begun:
        start, end = subscription.bounds
        if start <= instant < end:
            terms = offer.terms(subscription.plan, start, trial=subscription.in_trial)
            return Period(start, end, subscription.id, terms)
        if subscription.renews and instant >= subscription.period_end:
            start = subscription.period_end
            return Period(start, None, subscription.id, offer.terms(subscription.plan, start))
    return calendar_period(user, instant, offer)


def open_period(user: User, now: datetime, offer: Offer) -> Period:
    """Return the period in which a user consumes now: if theirs is closed already, the calendar month."""
    period = period_at(user, now, offer)
    return calendar_period(user, now, offer) if period.closed_at else period


def terms_in_force(user: User, period: Period, now: datetime, offer: Offer) -> Terms:
    """Return the terms that hold now: the period's own, or the free plan's when nothing is paid for it.

    A subscription that is past due for more than its grace, unpaid or paused still has its period.
    """
    unpaid = period.subscription_id is not None and effective_plan(user.subscription, now) == FREE
    return offer.free(now) if unpaid else period.terms


def is_history(user: User, instant: datetime) -> bool:
    """Whether only a past period can hold an instant, so that the user's row alone does not tell."""
    return user.subscription is not None and instant < user.subscription.period_start


def calendar_period(user: User, instant: datetime, offer: Offer) -> Period:
    """Return the UTC calendar month that holds an instant: the period of a user without a subscription."""
    start, end = calendar_month(instant)
    for period in user.periods:
        if period.subscription_id is None and period.start == start:
            return period
    return Period(start, end, None, offer.free(start))


@dataclass(frozen=True, slots=True)
class Allocation:
    """Where one record is counted.

    `late` says that its own period was closed, `unbilled` that it can no longer be charged for. `counts` is
    False for what a metric's policy only wants shown: it stands on its day and in no period.
    """

    record: UsageRecord
    period: Period
    late: bool = False
    unbilled: bool = False
    counts: bool = True


def allocate(user: User, record: UsageRecord, now: datetime, offer: Offer) -> Allocation:
    """Return where a record is counted: in the period that holds its timestamp, or late in the open one."""
    own = period_at(user, record.timestamp, offer)
    if own.closed_at is None:
        return Allocation(record, own)
    current = open_period(user, now, offer)
    counts = offer.catalogue.metrics[record.metric].late is LatePolicy.COUNT
    return Allocation(record, current, late=True, unbilled=counts and not current.terms.billed, counts=counts)


def periods_bound(user: User, subscription: Subscription, offer: Offer) -> tuple[Period, ...]:
    """Return the periods to write when Stripe has said what a subscription's present period is.

    That period pins its terms if it is new, or was provisional until now. Earlier ones that were thought to
    go on end where it starts. What was counted in a period that turns out never to have been, since the
    subscription had ended, is kept in its row, free of charge.
    """
    start, end = subscription.bounds
    own = [p for p in user.periods if p.subscription_id == subscription.id and p.closed_at is None]
    known = next((period for period in own if period.start == start), None)
    closed = any(
        p.start == start and p.subscription_id == subscription.id and p.closed_at for p in user.periods
    )
    bound = []
    if (known or start < end) and subscription.has_begun and not closed:
        terms = offer.terms(subscription.plan, start, trial=subscription.in_trial)
        if start == end:
            terms = offer.free(start)
        elif known is not None and known.end is not None:
            terms = known.terms
        bound.append(Period(start, end, subscription.id, terms))
    for period in own:
        if period.start < start and (period.end is None or period.end > start):
            bound.append(replace(period, end=start))
        elif period.start > start and period.end is None and subscription.ended_at:
            bound.append(replace(period, end=period.start, terms=offer.free(period.start)))
    return tuple(bound)
