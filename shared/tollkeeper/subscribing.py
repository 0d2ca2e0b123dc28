"""How what Stripe says becomes the user's row (DESIGN rule 10): a webhook only hints, Stripe is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tollkeeper.ledger.accounts import Accounts, StaleRevisionError
from tollkeeper.rules import announcements, audit
from tollkeeper.rules.accounts import Account, periods_bound
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Subscription, choose, to_cancel
from tollkeeper.stripe_gateway import StripeGateway

MOST_ATTEMPTS = 8
FRESH = timedelta(days=14)
"""For so long the queue keeps an event, and so comes back to a duplicate that was cancelled but not noted."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What made Tollkeeper ask Stripe: an event that Stripe sent, or the sweep, which has none."""

    at: datetime
    actor: str = "stripe"
    event_id: str | None = None


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
    customer_id: str, accounts: Accounts, stripe: StripeGateway, offer: Offer, occasion: Occasion
) -> Synchronised | None:
    """Write what Stripe says now of a customer's subscriptions; None if the customer is no user's of ours.

    The row's revision is read before Stripe is asked and must stand when the answer is written, so that of
    two at work at once the older answer never wins. It moves even when nothing changed, for the same reason.
    What must not go on (rule 10) is cancelled first, and then all is asked again.

    Raises:
        StaleRevisionError: others wrote the row again and again.
        StripeUnavailableError: Stripe did not answer.
    """
    user_id = stripe.user_of(customer_id)
    if user_id is None:
        return None
    for _ in range(MOST_ATTEMPTS):
        account = accounts.history(user_id)
        if account.customer_id not in {None, customer_id}:
            return (
                None  # the user has another customer by now: this one was deleted, or made by somebody else
            )
        found = stripe.subscriptions_of(customer_id)
        if surplus := to_cancel(found):
            for subscription_id, cause in surplus.items():
                stripe.cancel_subscription(subscription_id, cause)
            continue
        chosen = choose(found)
        if chosen is None:
            return Synchronised(user_id, account.subscription, None)
        try:
            _write(accounts, account, chosen, found, offer, occasion)
        except StaleRevisionError:
            continue
        return Synchronised(user_id, account.subscription, chosen)
    raise StaleRevisionError


def _write(
    accounts: Accounts,
    account: Account,
    chosen: Subscription,
    found: Sequence[Subscription],
    offer: Offer,
    occasion: Occasion,
) -> None:
    user, event = account.user_id, occasion.event_id
    fresh = [each for each in found if each.ended_at and occasion.at - each.ended_at < FRESH]
    entries = [audit.of_duplicate(user, each, beside=chosen.id, event_id=event) for each in fresh]
    entries.append(
        audit.of_subscription(
            user, account.subscription, chosen, at=occasion.at, actor=occasion.actor, event_id=event
        )
    )
    notices = [announcements.of_duplicate(user, chosen, each) for each in fresh]
    notices.append(announcements.of_subscription(account, chosen, at=occasion.at))
    accounts.write_subscription(
        account,
        chosen,
        periods_bound(account, chosen, offer),
        [entry for entry in entries if entry],
        [notice for notice in notices if notice],
    )
