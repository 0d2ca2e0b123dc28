"""The sweep: what webhooks missed is found at Stripe and put right (DESIGN rule 10).

Nothing here reads the table but the rows of those whom Stripe names: its cost follows the subscribers, a
hundred to a request on either side, and what has changed lately.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tollkeeper.ledger.users import StaleRevisionError
from tollkeeper.rules.subscriptions import Subscription, choose, to_cancel
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.subscriptions.stripe_events import Outcome, StripeEvents
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

    stripe_events: StripeEvents

    def run(self, now: datetime, looks_back: timedelta = LOOKS_BACK) -> Swept:
        """Repair the rows of all who subscribe, or did lately, and follow the events not delivered.

        Rows come first: what an event that comes late had changed is then audited as the sweep's finding.

        Raises:
            StripeUnavailableError: Stripe did not answer. What was done stays done.
        """
        swept = Swept()
        since = now - looks_back
        customers = dict.fromkeys([*self._wrong(), *self._ended(since)])
        for customer_id in customers:
            self._repair(customer_id, now, swept)
        for event in self.stripe_events.stripe.undelivered_events(since):
            try:
                outcome = self.stripe_events.follow(event, now)
            except (StaleRevisionError, StripeRefusedError):
                logger.exception(
                    "An event that was not delivered cannot be followed", extra={"event": event.id}
                )
                swept.failed += 1
            else:
                swept.followed += outcome is Outcome.FOLLOWED
        return swept

    def _wrong(self) -> Iterator[str]:
        """Return the customers of whose subscriptions the row says something else than Stripe."""
        theirs: dict[str, list[Subscription]] = defaultdict(list)
        for user_id, subscription in self.stripe_events.stripe.subscriptions():
            if subscription.is_live:
                theirs[user_id].append(subscription)
        for user in self.stripe_events.users.profiles(theirs):
            found = theirs[user.user_id]
            chosen = choose(found)
            if chosen and (to_cancel(found) or chosen != user.subscription):
                yield chosen.customer_id

    def _ended(self, since: datetime) -> Iterator[str]:
        """Return the customers of whose ended subscription the row says that it goes on."""
        endings = self.stripe_events.stripe.endings(since)
        ours = [each for each in endings if each.deployment == self.stripe_events.deployment and each.user_id]
        ended = {event.about["id"] for event in ours}
        for user in self.stripe_events.users.profiles(dict.fromkeys(str(event.user_id) for event in ours)):
            known = user.subscription
            if known and known.is_live and known.id in ended:
                yield known.customer_id

    def _repair(self, customer_id: str, now: datetime, swept: Swept) -> None:
        stripe_events = self.stripe_events
        trigger = Trigger(now, actor=ACTOR)
        try:
            found = synchronise(
                customer_id, stripe_events.users, stripe_events.stripe, stripe_events.offer, trigger
            )
        except (StaleRevisionError, StripeRefusedError):
            logger.exception("A row cannot be put right", extra={"customer": customer_id})
            swept.failed += 1
            return
        if found and found.has_changed:
            swept.repaired += 1
            logger.warning(
                "Put right what webhooks missed",
                extra={"userId": found.user_id, "before": str(found.before), "after": str(found.after)},
            )
