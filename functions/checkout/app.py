"""POST /checkout: a Stripe Checkout session on which the caller subscribes to a plan."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Depends

from tollkeeper import runtime
from tollkeeper.api.bodies.checkout import CheckoutRequest, CheckoutSessionOut
from tollkeeper.api.resolver import Caller, handler_of, resolver
from tollkeeper.clock import Clock
from tollkeeper.runtime import subscriptions
from tollkeeper.subscriptions.checkout import Checkout, CheckoutWish

app = resolver()


@app.post("/checkout", status_code=HTTPStatus.CREATED, summary="Open a page on which the user subscribes")
def checkout(
    body: CheckoutRequest,
    user: Caller,
    checkouts: Annotated[Checkout, Depends(subscriptions.checkout)],
    clock: Annotated[Clock, Depends(runtime.clock)],
) -> CheckoutSessionOut:
    """Return where to send the user, who pays there; the trial, if they have not had one, comes first."""
    wish = CheckoutWish(user, body.plan, body.success_url, body.cancel_url)
    return CheckoutSessionOut.of(checkouts.open_session(wish, clock.now()))


handler = handler_of(app, lambda event: runtime.authorizer().buyer(event))
