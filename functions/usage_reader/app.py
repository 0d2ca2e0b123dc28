"""GET /subscription and /openapi.json: what the caller has and used, and what this API is."""

from pathlib import Path
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends, Response, content_types
from aws_lambda_powertools.utilities.typing import LambdaContext

import tollkeeper
from tollkeeper import runtime
from tollkeeper.api import User, resolver, respond
from tollkeeper.catalogue import Catalogue
from tollkeeper.clock import Clock
from tollkeeper.ledger.accounts import Accounts
from tollkeeper.models import SubscriptionOut
from tollkeeper.overview import overview
from tollkeeper.rules.offers import Offer
from tollkeeper.telemetry import logger

OPENAPI = Path(tollkeeper.__file__).with_name("openapi.json")

app = resolver()


@app.get("/subscription", summary="The caller's plan, usage, limits and overage")
def subscription(
    user: User,
    accounts: Annotated[Accounts, Depends(runtime.accounts)],
    catalogue: Annotated[Catalogue, Depends(runtime.catalogue)],
    offer: Annotated[Offer, Depends(runtime.offer)],
    clock: Annotated[Clock, Depends(runtime.clock)],
) -> SubscriptionOut:
    """Return where the caller stands in the present period."""
    now = clock.now()
    return overview(accounts.read(user, since=now), catalogue, offer, now)


@app.get("/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    """Return the description of this API, as it was generated from its models."""
    return Response(200, content_types.APPLICATION_JSON, OPENAPI.read_text())


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request."""
    return respond(app, event, context)
