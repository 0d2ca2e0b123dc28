"""GET /invoices, /invoices/upcoming and /invoices/<id>/explain: what the caller was billed, and why."""

from enum import StrEnum
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends, Response, content_types
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.api.bodies.explanations import ExplanationOut
from tollkeeper.api.bodies.invoices import InvoicesOut, UpcomingInvoiceOut
from tollkeeper.api.resolver import Caller, resolver, respond
from tollkeeper.runtime import views
from tollkeeper.telemetry import logger
from tollkeeper.views.explanations import Explanations
from tollkeeper.views.invoices import InvoiceViews

MOST_AT_ONCE = 50
"""Invoices in one answer: of each that has many lines Stripe is asked once more."""


class Format(StrEnum):
    """How an explanation is told."""

    JSON = "json"
    CSV = "csv"
    """The records alone, as a table."""


app = resolver()

TheseInvoices = Annotated[InvoiceViews, Depends(views.invoices)]
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


ExplainedInvoice = Annotated[
    str,
    Path(alias="invoiceId", pattern="^in_[A-Za-z0-9_]+$", max_length=255, description="The invoice's id."),
]
Cursor = Annotated[
    str | None, Query(max_length=4096, description="Of the answer before, to go on from there.")
]
Told = Annotated[Format, Query(alias="format", description="csv: the records alone, as a table.")]
TheseExplanations = Annotated[Explanations, Depends(views.explanations)]
EXPLAINED: dict[int, Any] = {
    200: {
        "description": "The invoice's overage, and the records behind it",
        "content": {
            "application/json": {"model": ExplanationOut},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}


@app.get("/invoices/<invoiceId>/explain", summary="Why there is overage on an invoice", responses=EXPLAINED)
def explain(
    user: Caller,
    explanations: TheseExplanations,
    invoice_id: ExplainedInvoice,
    cursor: Cursor = None,
    told: Told = Format.JSON,
) -> Response[ExplanationOut | str]:
    """Return each overage line with its charge, its period and the arithmetic, and the records, in parts.

    Of a table the header Next-Cursor says where the next one begins, if there is more.
    """
    if told is Format.JSON:
        found = ExplanationOut.of(explanations.explain(user, invoice_id, cursor))
        return Response(200, content_types.APPLICATION_JSON, found)
    table = explanations.table(user, invoice_id, cursor)
    headers = {"Content-Disposition": f'attachment; filename="{invoice_id}.csv"'}
    if table.cursor:
        headers["Next-Cursor"] = table.cursor
    return Response(200, "text/csv; charset=utf-8", table.text, headers=dict(headers))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request."""
    bare = {**event, "body": None}  # these routes read none
    return respond(app, bare, context, lambda asked: runtime.authorizer().user(asked))
