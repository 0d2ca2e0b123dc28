"""What Stripe's word makes of a user's periods (DESIGN rules 3 and 7).

Stripe says of every subscription what its present period is. From the writing of it on, that binds: rows get
their ends and terms, rows that turned out to be no periods are void, and the timeline says which period holds
which instant. What was counted stays where it was counted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tollkeeper.rules.offers import Offer
from tollkeeper.rules.overage import upgraded
from tollkeeper.rules.periods import Period, Stretch
from tollkeeper.rules.subscriptions import Cause, Status, Subscription, ask_at
from tollkeeper.rules.usage import FURTHEST_AHEAD
from tollkeeper.rules.users import TIMELINE, User

PAID = frozenset({Status.ACTIVE, Status.TRIALING})
"""States in which an upgrade that Stripe shows is paid, or costs nothing yet."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One period's row as it was read (None where there is none yet) and as it is to be."""

    before: Period | None
    after: Period

    @property
    def freezes_overage(self) -> bool:
        """Whether it is upgraded: what it becomes was computed from its counters, which must not move."""
        before = self.before
        if before is None or before.end is None or not before.is_open or not self.after.is_open:
            return False
        return before.terms.plan != self.after.terms.plan

    @property
    def voids_usage(self) -> bool:
        """Whether usage stands in it that is billed to nobody, since it turned out to be no period."""
        return self.after.is_void and any(self.after.used.values())


@dataclass(frozen=True, slots=True)
class Binding:
    """The user's timeline, the periods whose rows change with it, and when Stripe is to be asked for more."""

    timeline: tuple[Stretch, ...]
    periods: tuple[Bound, ...]
    ask_at: datetime | None


def bind(
    user: User, subscriptions: Sequence[Subscription], chosen: Subscription, offer: Offer, now: datetime
) -> Binding:
    """Return what all subscriptions that Stripe shows make of a user's periods; `user` holds all of them.

    `chosen` is the one of them that counts. A duplicate that was cancelled has no period of its own, unless
    something was counted in one.
    """
    rows = {(each.start, each.subscription_id): each for each in user.periods}
    after = dict(rows)
    for subscription in subscriptions:
        own = [each for each in user.periods if each.subscription_id == subscription.id]
        is_duplicate = subscription.canceled_for is Cause.DUPLICATE and subscription is not chosen
        if subscription.has_begun and (own or not is_duplicate):
            for period in _bound(own, subscription, offer, now, user.spending_cap):
                after[period.start, period.subscription_id] = period
    for period in _expected(user, chosen, after, offer, now):
        after[period.start, period.subscription_id] = period
    changed = tuple(Bound(rows.get(key), period) for key, period in after.items() if rows.get(key) != period)
    timeline = tuple(sorted(_timeline(after.values(), now), reverse=True))
    return Binding(timeline, changed, ask_at(chosen, now))


def _bound(
    own: Sequence[Period], subscription: Subscription, offer: Offer, now: datetime, cap: int | None
) -> Iterator[Period]:
    """Return one subscription's periods as its word makes them, perhaps some that it leaves as they are."""
    by_start = {each.start: each for each in own}
    start, end = subscription.bounds
    while (closed := by_start.get(start)) and closed.closed_at is not None:
        # It was closed before this word of a later end came; what is left of it is a period of its own.
        start = closed.end if closed.end and closed.end > start else max(start, now.replace(microsecond=0))
        if start not in by_start or start >= end:
            break
    known = by_start.get(start)
    if (known and known.closed_at is None) or (known is None and start < end):
        yield _present(known, start, end, subscription, offer, cap)
    earlier = [each for each in own if each.start < start and not each.is_void]
    for each in own:
        if each.closed_at is not None:
            continue
        if each.start < start and (each.end is None or each.end > start):
            yield replace(each, end=start)
        elif each.start > start and each.start != (subscription.renews and subscription.period_end):
            yield _void(each, offer)
    last = max(earlier, key=lambda each: each.start, default=None)
    if last and last.end and last.end < start and last.end not in by_start:
        # Stripe has renewed more than once since it was heard last.
        terms = offer.terms(subscription.plan, last.end)
        yield Period(last.end, start, subscription.id, terms, spending_cap=cap)


def _present(
    known: Period | None,
    start: datetime,
    end: datetime,
    subscription: Subscription,
    offer: Offer,
    cap: int | None,
) -> Period:
    """Return a subscription's present period: a new one, or the known one with its end and higher plan."""
    terms = offer.terms(subscription.plan, start, trial=subscription.period_is_trial)
    if known is None:
        return Period(start, end, subscription.id, terms, spending_cap=cap)
    if start >= end:
        return _void(known, offer)
    if known.end is None or known.is_void:
        return replace(known, end=end, terms=terms, is_void=False)
    known = replace(known, end=end)
    if subscription.status in PAID and offer.is_upgrade(known.terms.plan, terms.plan):
        return upgraded(known, terms)
    return known


def _void(period: Period, offer: Offer) -> Period:
    """Return a period that turned out to be none: it ends where it starts, on terms that bill nothing."""
    return replace(period, end=period.start, terms=offer.free(period.start), is_void=True)


def _expected(
    user: User,
    chosen: Subscription,
    rows: dict[tuple[datetime, str | None], Period],
    offer: Offer,
    now: datetime,
) -> Iterator[Period]:
    """Return what becomes of the provisional periods that were expected before, and are expected now.

    Somebody who read the row before may still be about to begin the one that was expected by now. If it is
    none, its row is made void here, so that nobody begins it any more. One that was void may be expected
    again.
    """
    before = user.subscription
    if before is not None and before.renews:
        gone = before.id != chosen.id or not chosen.renews or before.period_end != chosen.period_end
        may_be_begun = before.period_end <= now + 2 * FURTHEST_AHEAD
        if gone and may_be_begun and (before.period_end, before.id) not in rows:
            start = before.period_end
            yield Period(start, start, before.id, offer.free(start), is_void=True)
    known = rows.get((chosen.period_end, chosen.id))
    if chosen.renews and known is not None and known.is_void:
        yield replace(known, end=None, terms=offer.terms(chosen.plan, known.start), is_void=False)


def _timeline(periods: Iterable[Period], now: datetime) -> Iterator[Stretch]:
    """Return the periods of subscriptions that may still hold the instant of a record on its way."""
    for each in periods:
        if each.subscription_id and each.end and each.start < each.end and each.end >= now - TIMELINE:
            yield Stretch(each.start, each.end, each.subscription_id)
