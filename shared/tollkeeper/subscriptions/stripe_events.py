"""What Tollkeeper does about each of Stripe's events (DESIGN §4 and rule 10)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tollkeeper.ledger.users import Users
from tollkeeper.rules import announcements
from tollkeeper.rules.announcements import Announcement
from tollkeeper.rules.offers import Offer
from tollkeeper.stripe.event_types import EventType
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.port import CheckoutSessions, Customers, Events, Subscriptions
from tollkeeper.subscriptions.synchronisation import Synchronised, Trigger, synchronise
from tollkeeper.telemetry import logger


class Outcome(StrEnum):
    """What became of an event; the words are names of metrics."""

    FOLLOWED = "StripeEventsFollowed"
    OF_OTHERS = "StripeEventsOfOthers"
    LEFT_ALONE = "StripeEventsLeftAlone"
    METER_EVENTS_REJECTED = "MeterEventsRejected"


@dataclass(slots=True)
class Followed:
    """What became of the events of some messages, and the messages that must come again."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


class StripeForEvents(Customers, Subscriptions, CheckoutSessions, Events, Protocol):
    """What following an event asks of Stripe."""


@dataclass(frozen=True, slots=True)
class StripeEvents:
    """Follows events up. Each may come twice, late, in any order, and to several workers at once."""

    users: Users
    stripe: StripeForEvents
    offer: Offer
    deployment: str

    def follow_messages(self, messages: Mapping[str, str], now: datetime) -> Followed:
        """Follow the events of messages, given by their ids; one that fails is not another's trouble."""
        followed = Followed()
        for message_id, body in messages.items():
            try:
                outcome = self.follow(StripeEvent.read(body), now)
            except Exception:  # noqa: BLE001 - the queue brings it again, and at last keeps it as a dead letter
                logger.exception(
                    "A Stripe event could not be followed; it will come again",
                    extra={"messageId": message_id},
                )
                followed.failed.append(message_id)
            else:
                followed.outcomes[outcome] += 1
        return followed

    def follow(self, event: StripeEvent, now: datetime) -> Outcome:
        """Do what an event asks for. If that fails, the event must come again.

        Raises:
            StaleRevisionError, StripeUnavailableError, UnavailableError, …: not all of it was done.
        """
        if event.deployment not in {None, self.deployment}:
            return Outcome.OF_OTHERS
        match event.type:
            # Whoever made the customer may have died before noting whose it is.
            case EventType.CUSTOMER_CREATED:
                user_id = self._bind(event)
            # Of two sessions opened at one instant neither expired the other: now one of them is paid.
            case EventType.CHECKOUT_SESSION_COMPLETED:
                user_id = self._complete(event, now)
            # The end of a trial is announced only if the subscription is still on trial.
            case EventType.CUSTOMER_SUBSCRIPTION_TRIAL_WILL_END:
                user_id = self._announce_trial_end(event, now)
            # The subscription has changed, or has ended.
            case (
                EventType.CUSTOMER_SUBSCRIPTION_CREATED
                | EventType.CUSTOMER_SUBSCRIPTION_UPDATED
                | EventType.CUSTOMER_SUBSCRIPTION_DELETED
                | EventType.CUSTOMER_DELETED
            ):
                user_id = self._follow_change(event, now)
            # An invoice changes what is past due and since when; that it was paid, or not, is announced.
            case (
                EventType.INVOICE_CREATED
                | EventType.INVOICE_FINALIZED
                | EventType.INVOICE_PAID
                | EventType.INVOICE_PAYMENT_SUCCEEDED
                | EventType.INVOICE_PAYMENT_FAILED
            ):
                user_id = self._follow_change(event, now)
            # It may be the card that the next invoice is charged to, which the row shows.
            case EventType.PAYMENT_METHOD_ATTACHED | EventType.PAYMENT_METHOD_DETACHED:
                user_id = self._follow_change(event, now)
            # Stripe took meter events and then rejected them: somebody must look.
            case EventType.METER_ERROR_REPORT_TRIGGERED | EventType.METER_NO_METER_FOUND:
                return self._log_rejections(event)
            # A destination may send more than it was asked to.
            case other:
                logger.debug("Left a Stripe event alone", extra={"type": other})
                return Outcome.LEFT_ALONE
        return Outcome.FOLLOWED if user_id else Outcome.OF_OTHERS

    def _synchronise(self, event: StripeEvent, now: datetime) -> Synchronised | None:
        if event.customer_id is None:
            return None
        trigger = Trigger(now, event_id=event.id)
        return synchronise(event.customer_id, self.users, self.stripe, self.offer, trigger)

    def _follow_change(self, event: StripeEvent, now: datetime) -> str | None:
        """Bring the row up to date, and announce what the event tells by itself."""
        synchronised = self._synchronise(event, now)
        if synchronised is None:
            return None
        if event.news:
            news = event.news
            announcement = Announcement.of(
                news.kind, synchronised.user_id, news.facts, at=event.at, detail=news.detail
            )
            self.users.announce([announcement])
        return synchronised.user_id

    def _bind(self, event: StripeEvent) -> str | None:
        """Note in the user's row whose customer it is."""
        if event.customer_id is None:
            return None
        user_id = self.stripe.user_of(event.customer_id)
        if user_id:
            self.users.bind_customer(user_id, event.customer_id)
        return user_id

    def _complete(self, event: StripeEvent, now: datetime) -> str | None:
        """Bring the row up to date, and expire the customer's other open sessions."""
        synchronised = self._synchronise(event, now)
        if synchronised is None or event.customer_id is None:
            return None
        for session_id in self.stripe.open_checkout_sessions(event.customer_id):
            self.stripe.expire_checkout_session(session_id)
        return synchronised.user_id

    def _announce_trial_end(self, event: StripeEvent, now: datetime) -> str | None:
        """Bring the row up to date, and announce that the trial is about to end, if it still is."""
        synchronised = self._synchronise(event, now)
        if synchronised is None:
            return None
        announcement = announcements.of_trial_end(synchronised.user_id, synchronised.after, at=event.at)
        if announcement:
            self.users.announce([announcement])
        return synchronised.user_id

    def _log_rejections(self, event: StripeEvent) -> Outcome:
        """Log which meter events Stripe rejected, and why: nobody is billed for them."""
        for each in self.stripe.rejections(event.id):
            logger.error(
                "Stripe rejected meter events",
                extra={"event": event.id, "reason": each.code, "count": each.count, "samples": each.samples},
            )
        return Outcome.METER_EVENTS_REJECTED
