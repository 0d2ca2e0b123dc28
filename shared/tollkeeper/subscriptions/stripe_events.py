"""What Tollkeeper does about each of Stripe's events (DESIGN §4 and rule 10)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tollkeeper.ledger.users import Users
from tollkeeper.rules import announcements
from tollkeeper.rules.offers import Offer
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.subscriptions.synchronisation import Synchronised, Trigger, synchronise
from tollkeeper.telemetry import logger


class Outcome(StrEnum):
    """What became of an event; the words are names of metrics."""

    FOLLOWED = "StripeEventsFollowed"
    OF_OTHERS = "StripeEventsOfOthers"
    LEFT_ALONE = "StripeEventsLeftAlone"
    METER_EVENTS_REJECTED = "MeterEventsRejected"


@dataclass(frozen=True, slots=True)
class StripeEvents:
    """Follows events up. Each may come twice, late, in any order, and to several workers at once."""

    users: Users
    stripe: StripeGateway
    offer: Offer
    deployment: str

    def follow(self, event: StripeEvent, now: datetime) -> Outcome:
        """Do what an event asks for. If that fails, the event must come again.

        Raises:
            StaleRevisionError, StripeUnavailableError, UnavailableError, …: not all of it was done.
        """
        if event.deployment not in {None, self.deployment}:
            return Outcome.OF_OTHERS
        match event.type:
            case "customer.created":
                user_id = self._bind(event)
            case "checkout.session.completed":
                user_id = self._complete(event, now)
            case "customer.subscription.trial_will_end":
                user_id = self._warn(event, now)
            case (
                "customer.deleted"
                | "customer.subscription.created"
                | "customer.subscription.updated"
                | "customer.subscription.deleted"
                | "invoice.created"
                | "invoice.finalized"
                | "invoice.paid"
                | "invoice.payment_succeeded"
                | "invoice.payment_failed"
                | "payment_method.attached"
                | "payment_method.detached"
            ):
                synchronised = self._synchronise(event, now)
                user_id = self._announce(event, synchronised.user_id if synchronised else None)
            case "v1.billing.meter.error_report_triggered" | "v1.billing.meter.no_meter_found":
                return self._alert(event)
            case kind:
                logger.debug("Left a Stripe event alone", extra={"type": kind})
                return Outcome.LEFT_ALONE
        return Outcome.FOLLOWED if user_id else Outcome.OF_OTHERS

    def _user_of(self, event: StripeEvent) -> str | None:
        return self.stripe.user_of(event.customer_id) if event.customer_id else None

    def _synchronise(self, event: StripeEvent, now: datetime) -> Synchronised | None:
        if event.customer_id is None:
            return None
        trigger = Trigger(now, event_id=event.id)
        return synchronise(event.customer_id, self.users, self.stripe, self.offer, trigger)

    def _announce(self, event: StripeEvent, user_id: str | None) -> str | None:
        news = event.announcement(user_id) if user_id else None
        self.users.announce([news] if news else [])
        return user_id

    def _bind(self, event: StripeEvent) -> str | None:
        """Note whose customer it is, if whoever made it died before noting it."""
        user_id = self._user_of(event)
        if user_id and event.customer_id:
            self.users.bind_customer(user_id, event.customer_id)
        return user_id

    def _complete(self, event: StripeEvent, now: datetime) -> str | None:
        """Take away what else the customer could pay on: pages opened at one instant missed each other."""
        synchronised = self._synchronise(event, now)
        if synchronised is None or event.customer_id is None:
            return None
        for session_id in self.stripe.open_checkout_sessions(event.customer_id):
            self.stripe.expire_checkout_session(session_id)
        return synchronised.user_id

    def _warn(self, event: StripeEvent, now: datetime) -> str | None:
        """Announce that a trial is about to end, if it still is."""
        synchronised = self._synchronise(event, now)
        if synchronised is None:
            return None
        news = announcements.of_trial_end(synchronised.user_id, synchronised.after, at=event.at)
        self.users.announce([news] if news else [])
        return synchronised.user_id

    def _alert(self, event: StripeEvent) -> Outcome:
        """Say what Stripe took and then rejected: it is billed to nobody until somebody looks."""
        for each in self.stripe.rejections(event.id):
            logger.error(
                "Stripe rejected meter events",
                extra={"event": event.id, "reason": each.code, "count": each.count, "samples": each.samples},
            )
        return Outcome.METER_EVENTS_REJECTED
