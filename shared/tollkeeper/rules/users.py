"""A user as the ledger knows them, and which of their periods an instant belongs to (DESIGN rule 3).

There is one story of a user's periods: the timeline in their row, which is written with every word of
Stripe's. Whoever names a period for an instant (tracker, consume, check, reader) reads it there, and the
periods' own rows say no more than what was counted.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tollkeeper.catalogue import FREE
from tollkeeper.rules.decisions import Decision
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period, Stretch, Terms, calendar_month
from tollkeeper.rules.subscriptions import Subscription, effective_plan
from tollkeeper.rules.usage import FURTHEST_AHEAD

TIMELINE = timedelta(days=70)
"""How far back a user's row tells their periods: further than any record that is still on its way."""


@dataclass(frozen=True, slots=True)
class User:
    """A user's row, with those of their periods that were read with it, newest first.

    `rev` counts the writes of what Stripe said, so that an older word never overwrites a newer one.
    `customer_id` is the user's one Stripe customer, if they have one yet; `spending_cap` the most overage
    in cents that they accept in a period that begins now. `timeline` holds the periods of all their
    subscriptions that ended less than 70 days before it was written. `decision` is the last thing they
    decided about their subscription. `asked_at` is a time, by the wall clock, at which Stripe had not yet
    been asked for what the row says of the subscription.
    """

    user_id: str
    rev: int = 0
    customer_id: str | None = None
    subscription: Subscription | None = None
    trial_used: bool = False
    spending_cap: int | None = None
    timeline: tuple[Stretch, ...] = ()
    decision: Decision | None = None
    periods: tuple[Period, ...] = ()
    asked_at: datetime | None = None

    def period(self, start: datetime, subscription_id: str | None) -> Period | None:
        """Return one of the periods that were read."""
        found = (p for p in self.periods if p.start == start and p.subscription_id == subscription_id)
        return next(found, None)


def period_at(user: User, instant: datetime, offer: Offer) -> Period:
    """Return the period that holds an instant: a known one, or the one that its first record would start.

    A subscription's periods go before the calendar month. Past the known end of a subscription that goes
    on, the period is provisional: it starts at that end, and has none until Stripe has renewed.
    """
    start, subscription_id = period_key_at(user, instant)
    known = user.period(start, subscription_id)
    if known is not None:
        return known
    if subscription_id is None:
        return calendar_period(user, instant, offer)
    terms = _terms(user, start, subscription_id, offer)
    if stretch := stretch_at(user, instant):
        # It has its row, which alone knows its cap: the user's may be of after its end.
        return Period(start, stretch.end, subscription_id, terms)
    return Period(start, None, subscription_id, terms, spending_cap=user.spending_cap)


def period_key_at(user: User, instant: datetime) -> tuple[datetime, str | None]:
    """Return start and subscription of the period that holds an instant, by the user's row alone."""
    if stretch := stretch_at(user, instant):
        return stretch.start, stretch.subscription_id
    subscription = user.subscription
    if subscription and subscription.renews and instant >= subscription.period_end:
        return subscription.period_end, subscription.id
    return calendar_month(instant)[0], None


def stretch_at(user: User, instant: datetime) -> Stretch | None:
    """Return the subscription's period that holds an instant, if one does.

    Where two do, that of the subscription that counts goes before, then the one that began last: it is by
    Stripe's later word.
    """
    chosen = user.subscription.id if user.subscription else None
    holding = (each for each in user.timeline if each.holds(instant))
    return max(holding, key=lambda each: (each.subscription_id == chosen, *each), default=None)


def calendar_period(user: User, instant: datetime, offer: Offer) -> Period:
    """Return the UTC calendar month that holds an instant: the period of a user without a subscription."""
    start, end = calendar_month(instant)
    return user.period(start, None) or Period(start, end, None, offer.free(start))


def open_period(user: User, now: datetime, offer: Offer) -> Period:
    """Return the period in which a user consumes now: if theirs is closed already, the calendar month."""
    period = period_at(user, now, offer)
    return period if period.is_open else calendar_period(user, now, offer)


def next_period(user: User, now: datetime, offer: Offer) -> Period | None:
    """Return the provisional period that somebody may begin before it has come; None if nobody may.

    What is stamped after the present one's end is taken up to `FURTHEST_AHEAD` before it, by another's clock.
    """
    subscription = user.subscription
    if subscription is None or not subscription.renews:
        return None
    if not now < subscription.period_end <= now + 2 * FURTHEST_AHEAD:
        return None
    period = period_at(user, subscription.period_end, offer)
    return period if period.is_open else None


def terms_in_force(user: User, period: Period, now: datetime, offer: Offer) -> Terms:
    """Return the terms that hold now: the period's own, or the free plan's when nothing is paid for it.

    A subscription that is past due for more than its grace, unpaid or paused still has its period.
    """
    unpaid = period.subscription_id is not None and effective_plan(user.subscription, now) == FREE
    return offer.free(now) if unpaid else period.terms


def _terms(user: User, start: datetime, subscription_id: str, offer: Offer) -> Terms:
    """Return what a subscription's period pins if its first record starts it; most have their row by then."""
    subscription = user.subscription
    if subscription is None or subscription.id != subscription_id:
        return offer.free(start)
    trial = subscription.period_is_trial and start < subscription.period_end
    return offer.terms(subscription.plan_at(start), start, trial=trial)


def with_whole_timeline(user: User) -> User:
    """Return a user who was read with all their periods, with those in the timeline that it tells no more."""
    stretches = {each.stretch for each in user.periods}
    return replace(user, timeline=tuple({*user.timeline, *(each for each in stretches if each)}))


def is_history(instant: datetime, now: datetime) -> bool:
    """Whether an instant is so long ago that the user's row may not tell its period any more."""
    return instant < now - TIMELINE
