"""How a user cancels, with the period or now, and how they take back that it ends with the period."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tollkeeper.ledger.patience import Patience
from tollkeeper.rules.decisions import Choice, Wish
from tollkeeper.rules.subscriptions import Subscription
from tollkeeper.rules.users import User
from tollkeeper.subscriptions.deciding import Deciding
from tollkeeper.subscriptions.errors import ChangeRefusedError, SubscriptionEndedError


class CancelAt(StrEnum):
    """When a subscription is to end."""

    NOW = "now"
    PERIOD_END = "period_end"


class CancelsNow(Protocol):
    """What ends a subscription at once, and has what is owed for it charged."""

    def cancel(self, user_id: str, now: datetime, patience: Patience) -> Subscription:
        """End a user's subscription now; return it as Stripe has it then."""


@dataclass(frozen=True, slots=True)
class Cancellations:
    """Ends subscriptions, and lets them go on. Asked twice, each does it once."""

    deciding: Deciding
    at_once: CancelsNow

    def cancel(
        self, user_id: str, at: CancelAt, key: str | None, now: datetime, patience: Patience
    ) -> Subscription:
        """End a user's subscription with its present period, in a trial with that, or now.

        A change of plan that was to come is given up with it: nothing comes any more. `key` is the caller's
        idempotency key.

        Raises:
            NoSubscriptionError, SubscriptionEndedError: there is nothing to cancel.
            ChangeRefusedError: Stripe refuses it.
            UnderWayError: something else is being decided just now.
            StaleRevisionError, StripeUnavailableError, UnavailableError, …: the same call goes on from there.
        """
        wish = Wish(Choice.CANCEL, at, key)
        if at is CancelAt.NOW:
            return self.deciding.until_settled(lambda: self._cancel_now(user_id, wish, now, patience))
        return self.deciding.until_settled(lambda: self._cancel_later(user_id, wish, now, patience))

    def resume(self, user_id: str, key: str | None, now: datetime, patience: Patience) -> Subscription:
        """Take back that a user's subscription is to end, however that was said; else nothing is done.

        Raises:
            NoSubscriptionError, SubscriptionEndedError, ChangeRefusedError, …: as of cancelling.
        """
        wish = Wish(Choice.RESUME, key=key)
        return self.deciding.until_settled(lambda: self._resume(user_id, wish, now, patience))

    def _cancel_now(self, user_id: str, wish: Wish, now: datetime, patience: Patience) -> Subscription:
        user, subscription = self.deciding.present(user_id, now)
        if not (_is_repeated(user, wish) or _goes_on(subscription)):
            raise SubscriptionEndedError

        def call(key: str) -> None:
            if _goes_on(subscription):
                self.deciding.stripe.release_schedule(subscription.id, key)
            self.at_once.cancel(user_id, now, patience)

        def answer(found: Subscription) -> Subscription:
            if found.is_live:
                raise ChangeRefusedError
            return found

        return self.deciding.carry_out(user, wish, call, answer, now, patience)

    def _cancel_later(self, user_id: str, wish: Wish, now: datetime, patience: Patience) -> Subscription:
        user, subscription = self.deciding.present(user_id, now)
        if not _goes_on(subscription):
            raise SubscriptionEndedError
        if not subscription.renews and not _is_repeated(user, wish):
            return subscription

        def call(key: str) -> None:
            self.deciding.stripe.release_schedule(subscription.id, key)
            self.deciding.stripe.cancel_at_period_end(subscription.id, key)

        def answer(found: Subscription) -> Subscription:
            if found.renews:
                raise ChangeRefusedError
            return found

        return self.deciding.carry_out(user, wish, call, answer, now, patience)

    def _resume(self, user_id: str, wish: Wish, now: datetime, patience: Patience) -> Subscription:
        user, subscription = self.deciding.present(user_id, now)
        if not _goes_on(subscription):
            raise SubscriptionEndedError
        if subscription.cancel_at is None and not _is_repeated(user, wish):
            return subscription

        def call(key: str) -> None:
            self.deciding.stripe.release_schedule(subscription.id, key)
            self.deciding.stripe.resume_subscription(subscription.id, key)

        def answer(found: Subscription) -> Subscription:
            if found.cancel_at is not None or not _goes_on(found):
                raise ChangeRefusedError
            return found

        return self.deciding.carry_out(user, wish, call, answer, now, patience)


def _is_repeated(user: User, wish: Wish) -> bool:
    """Whether a wish may have been carried out already, and perhaps was not written down."""
    return user.decision is not None and user.decision.answers(wish)


def _goes_on(subscription: Subscription) -> bool:
    return subscription.is_live and not subscription.is_given_up
