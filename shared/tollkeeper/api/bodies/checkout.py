"""What a user asks for to subscribe, and where they are sent."""

from typing import Annotated

from pydantic import Field

from tollkeeper.api.bodies.model import Body
from tollkeeper.usage.records import Sent

PageUrl = Annotated[str, Field(max_length=2048)]


class CheckoutRequest(Sent):
    """Which plan to subscribe to, and where to come back to."""

    plan: str
    success_url: PageUrl
    cancel_url: PageUrl


class CheckoutSessionOut(Body):
    """Where to send the user to pay."""

    id: str
    url: str
