"""POST /portal: Stripe's portal, where the caller looks after cards, addresses and invoices."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Depends

from tollkeeper import runtime
from tollkeeper.api.bodies.portal import PortalRequest, PortalSessionOut
from tollkeeper.api.resolver import Caller, handler_of, resolver
from tollkeeper.clock import Clock
from tollkeeper.runtime import subscriptions
from tollkeeper.subscriptions.portal import Portal

app = resolver()


@app.post("/portal", status_code=HTTPStatus.CREATED, summary="Open a page for cards, addresses and invoices")
def portal(
    body: PortalRequest,
    user: Caller,
    portals: Annotated[Portal, Depends(subscriptions.portal)],
    clock: Annotated[Clock, Depends(runtime.clock)],
) -> PortalSessionOut:
    """Return where to send the user, who may also cancel there at the period's end."""
    return PortalSessionOut(url=portals.open_session(user, body.return_url, body.flow, clock.now()))


handler = handler_of(app, lambda event: runtime.authorizer().buyer(event))
