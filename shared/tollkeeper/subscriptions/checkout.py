"""How a user comes to a checkout session: one customer each, one open session, one live subscription."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from tollkeeper.catalogue import Catalogue
from tollkeeper.ledger.users import Users
from tollkeeper.rules.users import User
from tollkeeper.stripe.port import CheckoutOrder, CheckoutSession, CheckoutSessions, Customers, Subscriptions
from tollkeeper.subscriptions.errors import (
    AlreadySubscribedError,
    ForeignOriginError,
    PaymentDueError,
    UnknownPlanError,
)


class StripeForCheckout(Customers, Subscriptions, CheckoutSessions, Protocol):
    """What a checkout asks of Stripe."""


@dataclass(frozen=True, slots=True)
class CheckoutWish:
    """What a user asks for: a paid plan, and the pages to come back to."""

    user_id: str
    plan: str
    success_url: str
    cancel_url: str


class Checkout:
    """Opens checkout sessions. `origins` are those whose pages users may be sent back to."""

    def __init__(
        self, users: Users, stripe: StripeForCheckout, catalogue: Catalogue, origins: frozenset[str]
    ) -> None:
        self._users = users
        self._stripe = stripe
        self._catalogue = catalogue
        self._origins = origins

    def open_session(self, wish: CheckoutWish, now: datetime) -> CheckoutSession:
        """Open a checkout session for a user, and expire those they opened before.

        The customer is made before any session and bound to the user at once: asked twice, or at the same
        instant elsewhere, Stripe and the ledger both answer with the first one. Sessions are expired
        before the subscriptions are looked at, so that a page which is paid on in between shows there.

        Raises:
            UnknownPlanError: there is no such plan to buy.
            ForeignOriginError: a page to come back to is not one of ours.
            PaymentDueError: an invoice of a subscription of theirs waits to be paid.
            AlreadySubscribedError: Stripe has another live subscription of theirs.
            StripeUnavailableError: Stripe did not answer, or asks for patience.
        """
        self._check(wish)
        user = self._users.read(wish.user_id, now)
        customer_id = self._customer(user)
        for session_id in self._stripe.open_checkout_sessions(customer_id):
            self._stripe.expire_checkout_session(session_id)
        subscriptions = self._stripe.subscriptions_of(customer_id)
        for each in subscriptions:
            if each.may_be_paid and (page := self._stripe.payment_page(each.id)):
                raise PaymentDueError(page)
        if any(each.is_live for each in subscriptions):
            raise AlreadySubscribedError
        trial_used = user.trial_used or any(each.trial_end for each in subscriptions)
        order = CheckoutOrder(
            user_id=wish.user_id,
            customer_id=customer_id,
            plan=wish.plan,
            trial_days=0 if trial_used else self._catalogue.trial_days,
            success_url=wish.success_url,
            cancel_url=wish.cancel_url,
        )
        return self._stripe.create_checkout_session(order)

    def _check(self, wish: CheckoutWish) -> None:
        paid = [plan.name for plan in self._catalogue.paid_plans]
        if wish.plan not in paid:
            raise UnknownPlanError(wish.plan, paid)
        for field, url in (("successUrl", wish.success_url), ("cancelUrl", wish.cancel_url)):
            if not is_of_origin(url, self._origins):
                raise ForeignOriginError(field, self._origins)

    def _customer(self, user: User) -> str:
        """Return the user's one customer, made if they have none, or if theirs was deleted at Stripe."""
        known = user.customer_id
        if known and self._stripe.has_customer(known):
            return known
        made = self._stripe.create_customer(user.user_id, replacing=known)
        return self._users.bind_customer(user.user_id, made, replacing=known)


def is_of_origin(url: str, origins: frozenset[str]) -> bool:
    """Whether a page to come back to belongs to one of the deployment's origins."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return f"{parts.scheme}://{parts.netloc}" in origins
