"""POST /checkout: a Stripe Checkout session on which the caller subscribes to a plan."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.api.models import CheckoutRequest, CheckoutSessionOut
from tollkeeper.api.resolver import Caller, resolver, respond
from tollkeeper.catalogue import Catalogue
from tollkeeper.clock import Clock
from tollkeeper.ledger.users import Users
from tollkeeper.settings import Settings
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.subscriptions.checkout import CheckoutWish, is_of_origin, open_session
from tollkeeper.subscriptions.errors import ForeignOriginError, UnknownPlanError
from tollkeeper.telemetry import logger

app = resolver()


@app.post("/checkout", status_code=HTTPStatus.CREATED, summary="Open a page on which the user subscribes")
def checkout(
    body: CheckoutRequest,
    user: Caller,
    settings: Annotated[Settings, Depends(runtime.settings)],
    catalogue: Annotated[Catalogue, Depends(runtime.catalogue)],
    users: Annotated[Users, Depends(runtime.users)],
    stripe: Annotated[StripeGateway, Depends(runtime.stripe_gateway)],
    clock: Annotated[Clock, Depends(runtime.clock)],
) -> CheckoutSessionOut:
    """Return where to send the user, who pays there; the trial, if they have not had one, comes first."""
    paid = [plan.name for plan in catalogue.paid_plans]
    if body.plan not in paid:
        raise UnknownPlanError(body.plan, paid)
    for field, url in (("successUrl", body.success_url), ("cancelUrl", body.cancel_url)):
        if not is_of_origin(url, settings.allowed_origins):
            raise ForeignOriginError(field, settings.allowed_origins)
    wish = CheckoutWish(user, body.plan, body.success_url, body.cancel_url)
    session = open_session(wish, users, stripe, catalogue, clock.now())
    return CheckoutSessionOut(id=session.id, url=session.url)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request."""
    return respond(app, event, context)
