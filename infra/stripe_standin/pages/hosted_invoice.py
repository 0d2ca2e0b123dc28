"""An invoice's own page (docs.stripe.com/invoicing/hosted-invoice-page)."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from stripe import Invoice

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.clocks.sandbox_clock import at
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import authentication, hosted_payments, payment_intents
from infra.stripe_standin.pages import cards
from infra.stripe_standin.pages.document import alert, amount, day, document, not_found, rows, section


class InvoicePage:
    """Serves the page of each invoice.

    Args:
        account: Whose invoices.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """The page's addresses."""
        return [
            Route("/invoices/{invoice}", self.invoice, methods=["GET"]),
            Route("/invoices/{invoice}/pay", self.pay, methods=["POST"]),
            Route("/invoices/{invoice}/authenticate", self.authenticate, methods=["POST"]),
        ]

    async def invoice(self, request: Request) -> Response:
        """Show an invoice's lines and total, and ask for what its payment waits for."""
        return self._shown(request.path_params["invoice"])

    async def pay(self, request: Request) -> Response:
        """Take a card, perhaps ask for its owner, and charge it."""
        fields, identifier = await cards.form(request), request.path_params["invoice"]
        if cards.must_ask(fields):
            return cards.challenge(fields)
        try:
            hosted_payments.pay(
                self._account, identifier, fields.get("card", ""), authenticated=cards.succeeds(fields)
            )
        except RefusedError as refusal:
            return self._shown(identifier, refusal.message, refusal.status)
        return RedirectResponse(f"/invoices/{identifier}", status_code=303)

    async def authenticate(self, request: Request) -> Response:
        """Confirm or fail the payment of an invoice."""
        fields, identifier = await cards.form(request), request.path_params["invoice"]
        try:
            authentication.authenticate(self._account, identifier, succeeds=cards.succeeds(fields))
        except RefusedError as refusal:
            return self._shown(identifier, refusal.message, refusal.status)
        return RedirectResponse(f"/invoices/{identifier}", status_code=303)

    def _shown(self, identifier: str, message: str = "", status: int = 200) -> Response:
        found = self._account.find(Invoice, identifier)
        if found is None:
            return not_found("There is no such invoice.")
        body = alert(message) + section(
            f'<p class="figure">{amount(found.total, found.currency)}</p>'
            f'<p><span class="tag">{found.status}</span> '
            f'<span class="soft">{day(at(found.created))}</span></p>'
            + rows(_cells(found), last_is_total=True)
        )
        if payment_intents.awaits_authentication(self._account, found):
            body += section(cards.question(f"/invoices/{found.id}/authenticate", {}))
        elif found.status == "open":
            address = f"/invoices/{found.id}/pay"
            button = f"<button>Pay {amount(found.amount_remaining, found.currency)}</button>"
            body += section(
                f'<form method="post" action="{address}">{cards.field()}{button}</form>', "Pay with"
            )
        return document(f"Invoice {found.number}" if found.number else "Draft invoice", body, status=status)


def _cells(invoice: Invoice) -> Iterator[tuple[str, str]]:
    """Each line, what changes their sum if anything does, and the total."""
    currency = invoice.currency
    for line in invoice.lines.data:
        yield line.description or "", amount(line.amount, currency)
    if invoice.total != invoice.subtotal:
        yield "Subtotal", amount(invoice.subtotal, currency)
    for discount in invoice.total_discount_amounts or []:
        if discount.amount:
            yield "Discount", amount(-discount.amount, currency)
    for tax in invoice.total_taxes or []:
        if tax.amount:
            yield "Tax", amount(tax.amount, currency)
    yield "Total", amount(invoice.total, currency)
