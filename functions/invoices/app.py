"""GET /invoices and /invoices/upcoming: what the caller was billed, and what is to come."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime, runtime_customers
from tollkeeper.api.bodies.invoices import InvoicesOut, UpcomingInvoiceOut
from tollkeeper.api.resolver import Caller, resolver, respond
from tollkeeper.telemetry import logger
from tollkeeper.views.invoices import InvoiceViews

MOST_AT_ONCE = 50
"""Invoices in one answer: of each that has many lines Stripe is asked once more."""

app = resolver()

TheseInvoices = Annotated[InvoiceViews, Depends(runtime_customers.invoices)]
Limit = Annotated[int, Query(ge=1, le=MOST_AT_ONCE, description="How many at once.")]
StartingAfter = Annotated[
    str | None,
    Query(
        alias="startingAfter",
        pattern="^in_[A-Za-z0-9_]+$",
        max_length=255,
        description="The last invoice of the answer before, to go on from there.",
    ),
]


@app.get("/invoices", summary="What the caller was billed")
def invoices(
    user: Caller, views: TheseInvoices, limit: Limit = 10, starting_after: StartingAfter = None
) -> InvoicesOut:
    """Return invoices as Stripe has them now, the newest first, with the pages to see and pay them on."""
    return InvoicesOut.of(views.history(user, limit, starting_after))


@app.get("/invoices/upcoming", summary="What the caller's next bill would be")
def upcoming(user: Caller, views: TheseInvoices) -> UpcomingInvoiceOut:
    """Return base, prorations and overage so far, and what the spending cap takes off."""
    return UpcomingInvoiceOut.of(views.upcoming(user))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request."""
    bare = {**event, "body": None}  # these routes read none
    return respond(app, bare, context, lambda asked: runtime.authorizer().user(asked))
