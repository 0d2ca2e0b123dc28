"""The sweep: what webhooks missed is found at Stripe and put right (DESIGN rule 10).

It reads the rows of those whom Stripe names, and no others: its cost follows the number of subscribers, a
hundred to a request at Stripe and in the table, and what has changed lately.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tollkeeper.ledger.users import StaleRevisionError, Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Subscription, choose, to_cancel
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.event_types import Style, of_style
from tollkeeper.subscriptions.stripe_events import Outcome, StripeEvents, StripeForEvents
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise
from tollkeeper.telemetry import logger

LOOKS_BACK = timedelta(days=3)
"""For so long Stripe itself tries to deliver an event; a daily sweep has three chances at each."""

ACTOR = "sweep"


@dataclass(slots=True)
class Swept:
    """What one sweep did: events it followed for the first time, rows it put right, what it could not do."""

    followed: int = 0
    repaired: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Sweep:
    """Puts right what webhooks missed. Swept again, nothing is left to do."""

    users: Users
    stripe: StripeForEvents
    offer: Offer
    deployment: str

    def run(self, now: datetime, looks_back: timedelta = LOOKS_BACK) -> Swept:
        """Repair the rows of all who subscribe, or did lately, and follow the events not delivered.

        Rows come first: what an event that comes late had changed is then audited as the sweep's finding.

        Raises:
            StripeUnavailableError: Stripe did not answer. What was done stays done.
        """
        swept = Swept()
        since = now - looks_back
        for customer_id in dict.fromkeys([*self._wrong(), *self._ended(since)]):
            self._repair(customer_id, now, swept)
        self._follow_undelivered(since, now, swept)
        return swept

    def _wrong(self) -> Iterator[str]:
        """Return the customers whose live subscriptions are not what the user's row says."""
        live: dict[str, list[Subscription]] = defaultdict(list)
        for user_id, subscription in self.stripe.subscriptions():
            if subscription.is_live:
                live[user_id].append(subscription)
        for user in self.users.profiles(live):
            found = live[user.user_id]
            chosen = choose(found)
            if chosen and (to_cancel(found) or chosen != user.subscription):
                yield chosen.customer_id

    def _ended(self, since: datetime) -> Iterator[str]:
        """Return the customers whose subscription has ended, while the user's row says that it goes on."""
        ended: dict[str, set[str | None]] = defaultdict(set)
        for event in self.stripe.endings(since):
            if event.user_id and event.deployment == self.deployment:
                ended[event.user_id].add(event.object_id)
        for user in self.users.profiles(ended):
            known = user.subscription
            if known and known.is_live and known.id in ended[user.user_id]:
                yield known.customer_id

    def _repair(self, customer_id: str, now: datetime, swept: Swept) -> None:
        trigger = Trigger(now, actor=ACTOR)
        try:
            found = synchronise(customer_id, self.users, self.stripe, self.offer, trigger)
        except (StaleRevisionError, StripeRefusedError):
            logger.exception("A user's row could not be put right", extra={"customer": customer_id})
            swept.failed += 1
            return
        if found and found.has_changed:
            swept.repaired += 1
            logger.warning(
                "Put right what webhooks missed",
                extra={"userId": found.user_id, "before": str(found.before), "after": str(found.after)},
            )

    def _follow_undelivered(self, since: datetime, now: datetime, swept: Swept) -> None:
        stripe_events = StripeEvents(self.users, self.stripe, self.offer, self.deployment)
        for event in self.stripe.undelivered_events(since, of_style(Style.SNAPSHOT)):
            try:
                outcome = stripe_events.follow(event, now)
            except (StaleRevisionError, StripeRefusedError):
                logger.exception("An undelivered event could not be followed", extra={"event": event.id})
                swept.failed += 1
            else:
                swept.followed += outcome is Outcome.FOLLOWED
