"""How a user comes to a checkout session: one customer each, one open session, one live subscription."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from tollkeeper.catalogue import Catalogue
from tollkeeper.ledger.users import Users
from tollkeeper.rules.users import User
from tollkeeper.stripe.port import CheckoutOrder, CheckoutSession, CheckoutSessions, Customers, Subscriptions


class AlreadySubscribedError(Exception):
    """The user has a live subscription; a second one would be paid twice."""


class StripeForCheckout(Customers, Subscriptions, CheckoutSessions, Protocol):
    """What a checkout asks of Stripe."""


@dataclass(frozen=True, slots=True)
class CheckoutWish:
    """What a user asks for: a paid plan, and the pages to come back to."""

    user_id: str
    plan: str
    success_url: str
    cancel_url: str


def open_session(
    wish: CheckoutWish, users: Users, stripe: StripeForCheckout, catalogue: Catalogue, now: datetime
) -> CheckoutSession:
    """Open a checkout session for a user, and expire those they opened before.

    The customer is made before any session and bound to the user at once: asked twice, or at the same
    instant elsewhere, Stripe and the ledger both answer with the first one. Sessions are expired before the
    subscriptions are listed, so that one which is paid on in between shows there.

    Raises:
        AlreadySubscribedError: Stripe has a live subscription of theirs.
        StripeUnavailableError: Stripe did not answer, or asks for patience.
    """
    user = users.read(wish.user_id, since=now)
    customer_id = _customer(user, users, stripe)
    for session_id in stripe.open_checkout_sessions(customer_id):
        stripe.expire_checkout_session(session_id)
    subscriptions = stripe.subscriptions_of(customer_id)
    if any(each.is_live for each in subscriptions):
        raise AlreadySubscribedError
    trial_used = user.trial_used or any(each.trial_end for each in subscriptions)
    order = CheckoutOrder(
        user_id=wish.user_id,
        customer_id=customer_id,
        plan=wish.plan,
        trial_days=0 if trial_used else catalogue.trial_days,
        success_url=wish.success_url,
        cancel_url=wish.cancel_url,
    )
    return stripe.create_checkout_session(order)


def _customer(user: User, users: Users, stripe: StripeForCheckout) -> str:
    """Return the user's one customer, made if they have none, or if theirs was deleted at Stripe."""
    known = user.customer_id
    if known and stripe.has_customer(known):
        return known
    made = stripe.create_customer(user.user_id, replacing=known)
    return users.bind_customer(user.user_id, made, replacing=known)


def is_of_origin(url: str, origins: frozenset[str]) -> bool:
    """Whether a page to come back to belongs to one of the deployment's origins."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return f"{parts.scheme}://{parts.netloc}" in origins
