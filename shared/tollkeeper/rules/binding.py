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
from tollkeeper.rules.periods import Period, Stretch, Terms
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
            for period in _bound(own, subscription, offer, user.spending_cap):
                after[period.start, period.subscription_id] = period
    for period in _expected(user, chosen, after, offer, now):
        after[period.start, period.subscription_id] = period
    changed = tuple(Bound(rows.get(key), period) for key, period in after.items() if rows.get(key) != period)
    timeline = tuple(sorted(_timeline(after.values(), now), reverse=True))
    return Binding(timeline, changed, ask_at(chosen, now))


def _bound(
    own: Sequence[Period], subscription: Subscription, offer: Offer, cap: int | None
) -> Iterator[Period]:
    """Return one subscription's periods as its word makes them, perhaps some that it leaves as they are."""
    by_start = {each.start: each for each in own}
    start, end = subscription.bounds
    if subscription.is_given_up and subscription.ended_at:
        # It ended when its user said so. Stripe heard of that later, and nothing begins in between.
        last = max((each.end for each in own if each.end and not each.is_void), default=end)
        start, end = min(start, last), min(end, last)
    while (closed := by_start.get(start)) and closed.closed_at and closed.end and closed.end > start:
        # It was closed before this word of a later end came; what is left of it is a period of its own.
        start = closed.end
    present = start if start < end else None
    expected = subscription.period_end if subscription.renews else None
    for each in own:
        if each.closed_at is None and each.start < start:
            yield replace(each, end=min(each.end or start, start))
        elif each.is_open and each.start not in {present, expected}:
            yield _void(each, offer)
    yield from _unheard(own, start, subscription, offer, cap)
    if present:
        yield _present(by_start.get(start), start, end, subscription, offer, cap)


def _unheard(
    own: Sequence[Period], until: datetime, subscription: Subscription, offer: Offer, cap: int | None
) -> Iterator[Period]:
    """Return what lies between the last period that was heard of and the present one.

    Stripe has renewed more than once since: that is the rest of a trial, perhaps, and then what is paid for.
    """
    by_start = {each.start: each for each in own}
    told = [each for each in own if each.start < until and not each.is_void and each.end]
    start = max((each.end for each in told if each.end), default=until)
    while start < until:
        trial_end = subscription.trial_end or start
        in_trial = start < trial_end
        end = min(until, trial_end) if in_trial else until
        terms = offer.terms(subscription.plan, start, trial=in_trial)
        yield _begun(by_start.get(start), start, end, subscription, terms, cap)
        start = end


def _begun(
    known: Period | None,
    start: datetime,
    end: datetime,
    subscription: Subscription,
    terms: Terms,
    cap: int | None,
) -> Period:
    """Return a period that Stripe's word begins, or gives its end: a provisional one keeps its cap."""
    if known is None:
        return Period(start, end, subscription.id, terms, spending_cap=cap)
    cap = cap if known.is_void else known.spending_cap
    return replace(known, end=end, terms=terms, spending_cap=cap, is_void=False)


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
    if known is None or known.end is None or known.is_void:
        return _begun(known, start, end, subscription, terms, cap)
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
        known = rows.get((before.period_end, before.id))
        if gone and known is None and may_be_begun:
            start = before.period_end
            yield Period(start, start, before.id, offer.free(start), is_void=True)
        elif gone and known is not None and known.end is None and known.is_open:
            yield _void(
                known, offer
            )  # of a subscription that Stripe shows no more, since its customer is gone
    known = rows.get((chosen.period_end, chosen.id))
    if chosen.renews and known is not None and known.is_void:
        terms = offer.terms(chosen.plan_at(known.start), known.start)
        yield replace(known, end=None, terms=terms, spending_cap=user.spending_cap, is_void=False)


def _timeline(periods: Iterable[Period], now: datetime) -> Iterator[Stretch]:
    """Return the periods of subscriptions that may still hold the instant of a record on its way."""
    return (each for period in periods if (each := period.stretch) and each.end >= now - TIMELINE)
