"""What Stripe says now, written to the user's row (DESIGN rule 10): a webhook only hints, Stripe is asked.

Unless it has been: what Stripe said when it was asked after the hint had come holds all that was hinted at.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from tollkeeper.ledger.users import StaleRevisionError, Users
from tollkeeper.rules import announcements, audit
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.binding import bind
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Status, Subscription, as_decided, choose, given_up, to_cancel
from tollkeeper.rules.users import User
from tollkeeper.stripe.port import Customers, Subscriptions

MOST_ATTEMPTS = 8
FRESH = timedelta(days=14)
"""For so long the queue keeps an event, and so comes back to a duplicate that was cancelled but not noted."""


CLOCKS_DIFFER = timedelta(seconds=2)
"""More than the clocks of SQS and of functions, which AWS keeps together, are apart."""


class StripeForSynchronisation(Customers, Subscriptions, Protocol):
    """What a synchronisation asks of Stripe."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What made Tollkeeper ask Stripe: an event that Stripe sent or, without an event, the sweep.

    `user_id` is whom it names, `told_at` when it was on our queue at the latest, and `asked_at` a time before
    Stripe is asked for its sake; both by the wall clock, at whatever time a sandbox is.
    """

    at: datetime
    actor: str = "stripe"
    event_id: str | None = None
    user_id: str | None = None
    told_at: datetime | None = None
    asked_at: datetime | None = None

    def is_answered_by(self, user: User) -> bool:
        """Whether what the row says was asked of Stripe after this had happened."""
        if self.told_at is None or user.asked_at is None:
            return False
        return self.told_at + CLOCKS_DIFFER < user.asked_at


@dataclass(frozen=True, slots=True)
class Synchronised:
    """A user's subscription as the row had it, and as Stripe has it; None where there is none."""

    user_id: str
    before: Subscription | None
    after: Subscription | None

    @property
    def has_changed(self) -> bool:
        """Whether the row said something else than Stripe."""
        return self.before != self.after


def synchronise(
    customer_id: str, users: Users, stripe: StripeForSynchronisation, offer: Offer, trigger: Trigger
) -> Synchronised | None:
    """Write what Stripe says now of a customer's subscriptions; None if the customer is none of ours.

    The row's revision is read before Stripe is asked and must be the same when the answer is written, so that
    of two workers the one with the older answer never wins. It moves even when nothing else in the row does,
    for the same reason. What must not go on (rule 10), or was given up by its user, is cancelled first, and
    then Stripe is asked again. If Stripe was asked since, for another event's sake perhaps, the row is right
    as it is.

    Raises:
        StaleRevisionError: others wrote the row each time in between.
        StripeUnavailableError: Stripe did not answer.
    """
    user = _user_of(customer_id, trigger.user_id, users, stripe)
    for attempt in range(MOST_ATTEMPTS):
        if user and attempt:
            user = users.history(user.user_id)
        if user is None or user.customer_id not in {None, customer_id}:
            return None  # the user has another customer: this one was deleted, or was made by somebody else
        if trigger.is_answered_by(user):
            return Synchronised(user.user_id, user.subscription, user.subscription)
        found = [as_decided(each, user.subscription) for each in stripe.subscriptions_of(customer_id)]
        if surplus := to_cancel(found):
            for subscription_id, cause in surplus.items():
                stripe.cancel_subscription(subscription_id, cause)
            continue
        chosen = choose(found)
        if chosen is None:
            return Synchronised(user.user_id, user.subscription, None)
        try:
            _write(users, user, chosen, found, offer, trigger)
        except StaleRevisionError:
            continue
        return Synchronised(user.user_id, user.subscription, chosen)
    raise StaleRevisionError


def _user_of(
    customer_id: str, named: str | None, users: Users, stripe: StripeForSynchronisation
) -> User | None:
    """Return whose customer it is: who is named, if the ledger says so too, or else whom Stripe names."""
    user = users.history(named) if named else None
    if user and user.customer_id == customer_id:
        return user
    user_id = stripe.user_of(customer_id)
    if user and user.user_id == user_id:
        return user
    return users.history(user_id) if user_id else None


def end_forgotten(user_id: str, users: Users, offer: Offer, trigger: Trigger) -> Synchronised | None:
    """End, in the user's row, a subscription that Stripe knows no more; None if none goes on there.

    It ends with the period that Stripe spoke of last.

    Raises:
        StaleRevisionError: somebody wrote the row in between.
    """
    user = users.history(user_id)
    before = user.subscription
    if before is None or not before.is_live:
        return None
    ended = replace(before, status=Status.CANCELED, ended_at=before.bounds[1], past_due_since=None)
    _write(users, user, ended, [ended], offer, trigger)
    return Synchronised(user_id, before, ended)


def give_up(user_id: str, subscription: Subscription, users: Users, offer: Offer, trigger: Trigger) -> None:
    """Write down that a user ends their live subscription now, which nothing takes back (DESIGN rule 12).

    `subscription` is as it was just synchronised. Its period ends with that writing, and nothing follows it:
    what is used from then on is used without a subscription. Stripe hears of it from whoever synchronises
    next.

    Raises:
        StaleRevisionError: something else is said of it meanwhile, perhaps the same.
    """
    ending = given_up(subscription, trigger.at)
    for _ in range(MOST_ATTEMPTS):
        user = users.history(user_id)
        if user.subscription != subscription:
            break
        with suppress(StaleRevisionError):
            return _write(users, user, ending, [ending], offer, trigger)
    raise StaleRevisionError


def _write(
    users: Users,
    user: User,
    chosen: Subscription,
    found: Sequence[Subscription],
    offer: Offer,
    trigger: Trigger,
) -> None:
    entries = _entries(user, chosen, found, offer, trigger)
    fresh = [each for each in found if each.ended_at and trigger.at - each.ended_at < FRESH]
    announced = [announcements.of_duplicate(user.user_id, chosen, each) for each in fresh]
    announced.append(announcements.of_subscription(user, chosen, at=trigger.at))
    binding = bind(user, found, chosen, offer, trigger.at)
    if any(each.freezes_overage for each in binding.periods):
        # The counters moved while Stripe was asked; those of now are frozen, if nobody wrote the user's row.
        user = replace(user, periods=users.history(user.user_id).periods)
        binding = bind(user, found, chosen, offer, trigger.at)
    entries += [
        audit.of_void_period(user.user_id, each.after, at=trigger.at)
        for each in binding.periods
        if each.voids_usage
    ]
    users.write_subscription(
        user,
        chosen,
        binding,
        [each for each in entries if each],
        [each for each in announced if each],
        trigger.asked_at,
    )


def _entries(
    user: User, chosen: Subscription, found: Sequence[Subscription], offer: Offer, trigger: Trigger
) -> list[AuditEntry | None]:
    """Return what is written down: duplicates that were cancelled, the end of the one before, the present.

    What changes while a decision of the user's is under way is theirs, whoever hears of it first.
    """
    event = trigger.event_id
    decided = user.decision is not None and user.decision.is_under_way(trigger.at)
    actor = user.user_id if decided else trigger.actor
    fresh = [each for each in found if each.ended_at and trigger.at - each.ended_at < FRESH]
    entries = [audit.of_duplicate(user.user_id, each, beside=chosen.id, event_id=event) for each in fresh]
    before = user.subscription
    followed = [each for each in found if before and each.id == before.id and each.id != chosen.id]
    return entries + [
        audit.of_subscription(
            user.user_id, before, each, at=trigger.at, actor=actor, event_id=event, offer=offer
        )
        for each in [*followed, chosen]
    ]
