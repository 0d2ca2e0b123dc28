"""What Tollkeeper does about each of Stripe's events (DESIGN §4 and rule 10)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tollkeeper.clock import Clock, WallClock
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.users import Users
from tollkeeper.rules import announcements
from tollkeeper.rules.announcements import Announcement
from tollkeeper.rules.offers import Offer
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.event_types import EventType, Style, of_style
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.port import Accounts, CheckoutSessions, Customers, Events, Subscriptions
from tollkeeper.subscriptions.synchronisation import Synchronised, Trigger, synchronise
from tollkeeper.telemetry import logger

SYNCHRONISED = {*of_style(Style.SNAPSHOT)} - {EventType.CUSTOMER_CREATED}
"""Types after which Stripe is asked what is true now: nobody has bought anything when a customer is made."""


WAKING = frozenset(
    {
        EventType.INVOICE_CREATED,
        EventType.INVOICE_FINALIZED,
        EventType.INVOICE_VOIDED,
        EventType.INVOICEITEM_DELETED,
        EventType.CUSTOMER_SUBSCRIPTION_DELETED,
    }
)
"""Types that may let a bill come a step further: the reporter's next run looks at it."""


class Outcome(StrEnum):
    """What became of an event; the words are names of metrics."""

    FOLLOWED = "StripeEventsFollowed"
    OF_OTHERS = "StripeEventsOfOthers"
    LEFT_ALONE = "StripeEventsLeftAlone"
    METER_EVENTS_REJECTED = "MeterEventsRejected"
    FINALIZATION_FAILED = "InvoiceFinalizationsFailed"


class StripeForEvents(Accounts, Customers, Subscriptions, CheckoutSessions, Events, Protocol):
    """What following an event asks of Stripe."""


@dataclass(frozen=True, slots=True)
class StripeEvents:
    """Follows events up. Each may come twice, late, in any order, and to several workers at once.

    `wall` is the clock by which SQS says when a message was sent, at whatever time a sandbox is.
    """

    users: Users
    bills: Bills
    stripe: StripeForEvents
    offer: Offer
    deployment: str
    wall: Clock = field(default_factory=WallClock)

    def follow(self, event: StripeEvent, now: datetime) -> Outcome:
        """Do what an event asks for. If that fails, the event must come again.

        Raises:
            StaleRevisionError, StripeUnavailableError, UnavailableError, …: not all of it was done.
        """
        return self.follow_together([event], now)[0]

    def follow_together(
        self, events: Sequence[StripeEvent], now: datetime, told_at: datetime | None = None
    ) -> list[Outcome]:
        """Do what events about one customer ask for: ask Stripe once for all, then do what is each one's own.

        Each event is a hint, and Stripe's answer is the same for all of them. If all were on our queue at
        `told_at`, by the wall clock, what Stripe answered to whoever asked later will do.

        Raises:
            StaleRevisionError, StripeUnavailableError, UnavailableError, …: not all of it was done.
        """
        ours = [event for event in events if self._may_be_ours(event)]
        asking = [event for event in ours if event.type in SYNCHRONISED]
        synchronised = self._synchronise(asking, now, told_at) if asking else None
        return [
            self._finish(each, synchronised, now) if each in ours else Outcome.OF_OTHERS for each in events
        ]

    def _may_be_ours(self, event: StripeEvent) -> bool:
        """Whether nothing that an event says of itself makes it another's."""
        return event.deployment in {None, self.deployment} and self.stripe.is_of_this_account(event)

    def _synchronise(
        self, events: Sequence[StripeEvent], now: datetime, told_at: datetime | None
    ) -> Synchronised | None:
        event = events[0]
        if event.customer_id is None:
            return None
        trigger = Trigger(
            now,
            event_id=event.id,
            # Whom this deployment noted; the ledger has to agree.
            user_id=next((each.user_id for each in events if each.deployment and each.user_id), None),
            told_at=told_at,
            asked_at=self.wall.now() if told_at else None,
        )
        found = synchronise(event.customer_id, self.users, self.stripe, self.offer, trigger)
        if found is None and event.deployment:
            logger.warning(
                "An event is of this deployment, its customer is not",
                extra={"event": event.id, "customer": event.customer_id},
            )
        return found

    def _finish(self, event: StripeEvent, synchronised: Synchronised | None, now: datetime) -> Outcome:
        """Do what one event asks for, now that its customer's row is up to date."""
        match event.type:
            # Whoever made the customer may have died before noting whose it is.
            case EventType.CUSTOMER_CREATED:
                return Outcome.FOLLOWED if self._bind(event) else Outcome.OF_OTHERS
            # Stripe took meter events and then rejected them: somebody must look.
            case EventType.METER_ERROR_REPORT_TRIGGERED | EventType.METER_NO_METER_FOUND:
                return self._log_rejections(event)
            # A destination may send more than it was asked to.
            case other if other not in SYNCHRONISED:
                logger.debug("Left a Stripe event alone", extra={"type": other})
                return Outcome.LEFT_ALONE
        if synchronised is None:
            return Outcome.OF_OTHERS
        if event.type in WAKING:
            self.bills.wake(synchronised.user_id, event.object_id, now)
        match event.type:
            # Of two sessions opened at one instant neither expired the other: now one of them is paid.
            case EventType.CHECKOUT_SESSION_COMPLETED:
                self._expire_sessions(event)
            # The end of a trial is announced only if the subscription is still on trial.
            case EventType.CUSTOMER_SUBSCRIPTION_TRIAL_WILL_END:
                self._announce_trial_end(event, synchronised)
            # The invoice stays a draft, and is paid by nobody, until somebody looks.
            case EventType.INVOICE_FINALIZATION_FAILED:
                logger.error(
                    "Stripe could not finalise an invoice",
                    extra={
                        "userId": synchronised.user_id,
                        "invoice": event.object_id,
                        "reason": event.trouble,
                    },
                )
                return Outcome.FINALIZATION_FAILED
            # A person takes away what a customer was to pay.
            case EventType.INVOICEITEM_DELETED:
                logger.warning(
                    "An invoice item was deleted",
                    extra={"userId": synchronised.user_id, "item": event.object_id},
                )
            # A payment was made or not, a card has changed; of all others the row is all there is to do.
            case _:
                self._announce_news(event, synchronised)
        return Outcome.FOLLOWED

    def _announce_news(self, event: StripeEvent, synchronised: Synchronised) -> None:
        """Announce what an event tells by itself."""
        if news := event.news:
            announcement = Announcement.of(
                news.kind, synchronised.user_id, news.facts, at=event.at, detail=news.detail
            )
            self.users.announce([announcement])

    def _bind(self, event: StripeEvent) -> str | None:
        """Note in the user's row whose customer it is."""
        if event.customer_id is None:
            return None
        user_id = self.stripe.user_of(event.customer_id)
        if user_id:
            self.users.bind_customer(user_id, event.customer_id)
        return user_id

    def _expire_sessions(self, event: StripeEvent) -> None:
        """Expire the customer's open sessions."""
        if event.customer_id:
            for session_id in self.stripe.open_checkout_sessions(event.customer_id):
                self.stripe.expire_checkout_session(session_id)

    def _announce_trial_end(self, event: StripeEvent, synchronised: Synchronised) -> None:
        """Announce that the trial is about to end, if it still is."""
        announcement = announcements.of_trial_end(synchronised.user_id, synchronised.after, at=event.at)
        if announcement:
            self.users.announce([announcement])

    def _log_rejections(self, event: StripeEvent) -> Outcome:
        """Log which meter events Stripe rejected, and why: nobody is billed for them."""
        try:
            rejections = self.stripe.rejections(event.id)
        except StripeRefusedError:
            logger.warning("An event is not this account's", extra={"event": event.id}, exc_info=True)
            return Outcome.OF_OTHERS
        for each in rejections:
            logger.warning(  # nothing is billed by them
                "Stripe rejected meter events",
                extra={"event": event.id, "reason": each.code, "count": each.count, "samples": each.samples},
            )
        return Outcome.METER_EVENTS_REJECTED
