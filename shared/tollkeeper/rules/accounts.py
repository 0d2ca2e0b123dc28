"""A user as the ledger knows them, and which of their periods an instant belongs to (DESIGN rule 3)."""

from dataclasses import dataclass, replace
from datetime import datetime

from tollkeeper.catalogue import LatePolicy
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period, calendar_month
from tollkeeper.rules.subscriptions import Subscription
from tollkeeper.rules.usage import UsageRecord


@dataclass(frozen=True, slots=True)
class Account:
    """A user's row, with the periods the ledger has of them around the present, newest first.

    `rev` counts the writes of what Stripe said, so that an older word never overwrites a newer one.
    `customer_id` is the user's one Stripe customer, if they have one yet.
    """

    user_id: str
    rev: int = 0
    customer_id: str | None = None
    subscription: Subscription | None = None
    trial_used: bool = False
    periods: tuple[Period, ...] = ()


def period_at(account: Account, instant: datetime, offer: Offer) -> Period:
    """Return the period that holds an instant: a known one, or the one that its first record would start.

    A subscription's periods go before the calendar month. Past the known end of a subscription that goes
    on, the period is provisional: it starts at that end, and has none until Stripe has renewed.
    """
    for period in account.periods:
        if period.subscription_id is not None and period.holds(instant):
            return period
    subscription = account.subscription
    if subscription and subscription.has_begun:
        start, end = subscription.bounds
        if start <= instant < end:
            terms = offer.terms(subscription.plan, start, trial=subscription.in_trial)
            return Period(start, end, subscription.id, terms)
        if subscription.renews and instant >= subscription.period_end:
            start = subscription.period_end
            return Period(start, None, subscription.id, offer.terms(subscription.plan, start))
    return calendar_period(account, instant, offer)


def is_history(account: Account, instant: datetime) -> bool:
    """Whether only a past period can hold an instant, so that the user's row alone does not tell."""
    return account.subscription is not None and instant < account.subscription.period_start


def calendar_period(account: Account, instant: datetime, offer: Offer) -> Period:
    """Return the UTC calendar month that holds an instant: the period of a user without a subscription."""
    start, end = calendar_month(instant)
    for period in account.periods:
        if period.subscription_id is None and period.start == start:
            return period
    return Period(start, end, None, offer.free(start))


@dataclass(frozen=True, slots=True)
class Posting:
    """Where one record is counted.

    `late` says that its own period was closed, `unbilled` that it can no longer be charged for. `counts` is
    False for what a metric's policy only wants shown: it stands on its day and in no period.
    """

    record: UsageRecord
    period: Period
    late: bool = False
    unbilled: bool = False
    counts: bool = True


def posting(account: Account, record: UsageRecord, now: datetime, offer: Offer) -> Posting:
    """Return where a record is counted: in the period that holds its timestamp, or late in the open one."""
    own = period_at(account, record.timestamp, offer)
    if own.closed_at is None:
        return Posting(record, own)
    current = period_at(account, now, offer)
    if current.closed_at:
        current = calendar_period(account, now, offer)
    counts = offer.catalogue.metrics[record.metric].late is LatePolicy.COUNT
    return Posting(record, current, late=True, unbilled=counts and not current.terms.billed, counts=counts)


def periods_bound(account: Account, subscription: Subscription, offer: Offer) -> tuple[Period, ...]:
    """Return the periods to write when Stripe has said what a subscription's present period is.

    That period pins its terms if it is new, or was provisional until now. Earlier ones that were thought to
    go on end where it starts. What was counted provisionally after a subscription that turns out to have
    ended is kept in its row, free of charge.
    """
    start, end = subscription.bounds
    own = [p for p in account.periods if p.subscription_id == subscription.id and p.closed_at is None]
    known = next((period for period in own if period.start == start), None)
    closed = any(
        p.start == start and p.subscription_id == subscription.id and p.closed_at for p in account.periods
    )
    bound = []
    if (known or start < end) and subscription.has_begun and not closed:
        terms = offer.terms(subscription.plan, start, trial=subscription.in_trial)
        settled = known is not None and known.end is not None
        bound.append(Period(start, end, subscription.id, known.terms if known and settled else terms))
    for period in own:
        if period.start < start and (period.end is None or period.end > start):
            bound.append(replace(period, end=start))
        elif period.start > start and period.end is None and subscription.ended_at:
            bound.append(replace(period, end=period.start, terms=offer.free(period.start)))
    return tuple(bound)
