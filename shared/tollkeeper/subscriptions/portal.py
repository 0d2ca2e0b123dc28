"""How a user comes to Stripe's portal, where they look after cards, addresses and invoices."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tollkeeper.ledger.users import Users
from tollkeeper.stripe.customer_port import PortalFlow, PortalSessions
from tollkeeper.stripe.port import Customers
from tollkeeper.subscriptions.checkout import is_of_origin
from tollkeeper.subscriptions.errors import ForeignOriginError, NoCustomerError


class StripeForPortal(Customers, PortalSessions, Protocol):
    """What the portal asks of Stripe."""


@dataclass(frozen=True, slots=True)
class Portal:
    """Opens the portal. `origins` are those whose pages users may be sent back to."""

    users: Users
    stripe: StripeForPortal
    origins: frozenset[str]

    def open_session(self, user_id: str, return_url: str, flow: PortalFlow | None, now: datetime) -> str:
        """Return the address of a portal for a user, from which they come back to a page of ours.

        Raises:
            ForeignOriginError: that page is not one of ours.
            NoCustomerError: the user has never come to buy, or their customer was deleted at Stripe.
            StripeUnavailableError: Stripe did not answer, or asks for patience.
        """
        if not is_of_origin(return_url, self.origins):
            raise ForeignOriginError("returnUrl", self.origins)
        customer_id = self.users.read(user_id, now).customer_id
        if customer_id is None or not self.stripe.has_customer(customer_id):
            raise NoCustomerError
        return self.stripe.create_portal_session(customer_id, return_url, flow)
