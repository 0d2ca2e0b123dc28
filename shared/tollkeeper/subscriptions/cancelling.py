"""How a user cancels now: they stop consuming at once, and pay for what they used (DESIGN rule 12).

A held draft is finished first. Then one writing ends their period, and nothing takes that back. Whoever
synchronises next has Stripe end the subscription: this call, the same call made again, a webhook or the
sweep. The period that ended closes when its usage has settled and is charged apart, as that of any other
subscription that has ended.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.users import StaleRevisionError, Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Subscription
from tollkeeper.subscriptions.errors import NoSubscriptionError
from tollkeeper.subscriptions.synchronisation import (
    StripeForSynchronisation,
    Trigger,
    give_up,
    synchronise,
)

MOST_ATTEMPTS = 8


class HeldDrafts(Protocol):
    """The drafts that wait for us, of a subscription that is about to be cancelled."""

    def finish(self, user_id: str, subscription_id: str, now: datetime, patience: Patience) -> object:
        """Charge, finalise and collect them, as far as that can be done at once."""


@dataclass(frozen=True, slots=True)
class CancelNow:
    """Cancels subscriptions at once. Cancelling again, or twice at one instant, is cancelling once."""

    users: Users
    held: HeldDrafts
    stripe: StripeForSynchronisation
    offer: Offer

    def cancel(self, user_id: str, now: datetime, patience: Patience) -> Subscription:
        """End a user's subscription now; return it as Stripe has it then, also where it had ended before.

        `patience` is how long the user waits for Stripe to collect a draft that was held. Nothing that was
        paid is paid back.

        Raises:
            NoSubscriptionError: they have none, and have had none.
            StaleRevisionError: others wrote the user's row each time in between.
            StripeUnavailableError: Stripe did not answer; cancelling again goes on from there.
            UnavailableError: the ledger did not.
        """
        customer_id = self.users.read(user_id, now).customer_id
        if customer_id is None:
            raise NoSubscriptionError
        for _ in range(MOST_ATTEMPTS):
            found = synchronise(customer_id, self.users, self.stripe, self.offer, Trigger(now))
            subscription = found.after if found else None
            if subscription is None or not subscription.has_begun:
                raise NoSubscriptionError
            if not subscription.is_live:
                return subscription
            self.held.finish(user_id, subscription.id, now, patience)
            with suppress(StaleRevisionError):
                give_up(user_id, subscription, self.users, self.offer, Trigger(now, actor=user_id))
        raise StaleRevisionError
