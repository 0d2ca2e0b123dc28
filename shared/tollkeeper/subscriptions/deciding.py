"""How what a user decides is carried out: once, and with what Stripe says of it in the ledger.

A decision is taken in the user's row, Stripe is called under its key, what came of it is read and written
as after any word of Stripe's, and then it is done. Whoever dies on the way leaves it to whoever wants the
same next, or to nobody: then webhooks tell what came of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tollkeeper.ledger.decisions import DecisionMovedError, Decisions
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.users import StaleRevisionError, Users
from tollkeeper.rules.decisions import Wish
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Subscription, as_decided, choose
from tollkeeper.rules.users import User
from tollkeeper.stripe.errors import StripeFailedError, StripeRefusedError, StripeUnavailableError
from tollkeeper.stripe.port import Customers, SubscriptionChanges, Subscriptions
from tollkeeper.subscriptions.errors import (
    ChangeRefusedError,
    NoSubscriptionError,
    NotMadeGoodError,
    PaymentDueError,
    SubscriptionEndedError,
)
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise
from tollkeeper.telemetry import logger

MOST_ATTEMPTS = 8


class StripeForDecisions(Customers, Subscriptions, SubscriptionChanges, Protocol):
    """What deciding asks of Stripe."""


@dataclass(frozen=True, slots=True)
class Deciding:
    """Reads what there is to decide about, and carries decisions out."""

    users: Users
    decisions: Decisions
    stripe: StripeForDecisions
    offer: Offer
    deployment: str

    def present(self, user_id: str, now: datetime) -> tuple[User, Subscription]:
        """Return a user, and then what Stripe says now of the subscription of theirs that counts.

        Raises:
            NoSubscriptionError: they have none, and have had none that began.
        """
        user = self.users.read(user_id, now)
        if user.customer_id is None:
            raise NoSubscriptionError
        found = self.stripe.subscriptions_of(user.customer_id)
        subscription = choose([as_decided(each, user.subscription) for each in found])
        if subscription is None:
            raise NoSubscriptionError
        return user, subscription

    def require_good(self, subscription: Subscription) -> None:
        """See that a subscription goes on, and is paid for.

        Raises:
            PaymentDueError: an invoice of it waits to be paid.
            SubscriptionEndedError: it has ended, or never began.
        """
        if subscription.may_be_paid and (page := self.stripe.payment_page(subscription.id)):
            raise PaymentDueError(page)
        if not subscription.is_live or subscription.is_given_up:
            raise SubscriptionEndedError

    def until_settled[T](self, attempt: Callable[[], T]) -> T:
        """Try to decide; begin again, by Stripe's newest word, where somebody has decided in between."""
        for _ in range(MOST_ATTEMPTS):
            try:
                return attempt()
            except DecisionMovedError:
                continue
        raise StaleRevisionError

    def carry_out[T](
        self,
        user: User,
        wish: Wish,
        call: Callable[[str], object],
        answer: Callable[[Subscription], T],
        now: datetime,
        patience: Patience,
    ) -> T:
        """Take a wish's decision, call Stripe under its key, and answer by what Stripe says then.

        Raises:
            NotMadeGoodError: what `answer` raises of it, or that Stripe refuses the call.
            UnderWayError: another decision is being carried out.
            DecisionMovedError: another one was made since the user was read.
            StripeUnavailableError: Stripe did not answer; the same wish goes on from there.
        """
        decision = self.decisions.take(user, wish, now, patience)
        trouble: StripeFailedError | StripeRefusedError | None = None
        try:
            call(decision.key(self.deployment, user.user_id))
        except (StripeFailedError, StripeRefusedError) as error:
            trouble = error  # whether it was done all the same, perhaps by somebody else, is read
        try:
            result = answer(self._synchronised(user, now))
        except NotMadeGoodError as error:
            is_repeated = isinstance(trouble, StripeFailedError)
            self.decisions.finish(user.user_id, decision, patience, failed=is_repeated)
            if trouble is None:
                raise
            logger.warning("Stripe does not make a change", extra=_told(user, trouble))
            if is_repeated:
                raise StripeUnavailableError(str(trouble)) from error
            raise ChangeRefusedError from error
        self.decisions.finish(user.user_id, decision, patience)
        return result

    def _synchronised(self, user: User, now: datetime) -> Subscription:
        trigger = Trigger(now, actor=user.user_id)
        found = synchronise(str(user.customer_id), self.users, self.stripe, self.offer, trigger)
        if found is None or found.after is None:
            raise NoSubscriptionError
        return found.after


def _told(user: User, trouble: Exception) -> dict[str, str]:
    return {"userId": user.user_id, "trouble": str(trouble)}
