"""POST /checkout: a Stripe Checkout session on which the caller subscribes to a plan."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.api.bodies.checkout import CheckoutRequest, CheckoutSessionOut
from tollkeeper.api.resolver import Caller, resolver, respond
from tollkeeper.catalogue import Catalogue
from tollkeeper.clock import Clock
from tollkeeper.ledger.users import Users
from tollkeeper.settings import Settings
from tollkeeper.subscriptions.checkout import Checkout, CheckoutWish, StripeForCheckout
from tollkeeper.telemetry import logger

app = resolver()


def checkouts(
    users: Annotated[Users, Depends(runtime.users)],
    stripe: Annotated[StripeForCheckout, Depends(runtime.stripe_gateway)],
    catalogue: Annotated[Catalogue, Depends(runtime.catalogue)],
    settings: Annotated[Settings, Depends(runtime.settings)],
) -> Checkout:
    """Return what opens checkout sessions."""
    return Checkout(users, stripe, catalogue, settings.allowed_origins)


@app.post("/checkout", status_code=HTTPStatus.CREATED, summary="Open a page on which the user subscribes")
def checkout(
    body: CheckoutRequest,
    user: Caller,
    checkouts: Annotated[Checkout, Depends(checkouts)],
    clock: Annotated[Clock, Depends(runtime.clock)],
) -> CheckoutSessionOut:
    """Return where to send the user, who pays there; the trial, if they have not had one, comes first."""
    wish = CheckoutWish(user, body.plan, body.success_url, body.cancel_url)
    return CheckoutSessionOut.of(checkouts.open_session(wish, clock.now()))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request."""
    return respond(app, event, context, runtime.authorizer().user)
