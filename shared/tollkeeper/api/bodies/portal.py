"""What a user asks for to look after cards and invoices, and where they are sent."""

from tollkeeper.api.bodies.checkout import PageUrl
from tollkeeper.api.bodies.model import Body
from tollkeeper.stripe.customer_port import PortalFlow
from tollkeeper.usage.records import Sent


class PortalRequest(Sent):
    """Where to come back to, and what to begin with: everything, or another payment method."""

    return_url: PageUrl
    flow: PortalFlow | None = None


class PortalSessionOut(Body):
    """Where to send the user; good for some minutes."""

    url: str
