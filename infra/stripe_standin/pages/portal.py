"""The portal's page (docs.stripe.com/customer-management)."""

from collections.abc import Callable
from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from stripe import Invoice, PaymentMethod, Product, Subscription
from stripe.billing_portal import Configuration, Session

from infra.stripe_standin.account.shapes import reference
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.clocks.sandbox_clock import at
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.pages import cards
from infra.stripe_standin.pages.document import alert, amount, day, document, not_found, section
from infra.stripe_standin.portal import portal_sessions
from infra.stripe_standin.subscriptions import billing_cycle

MOST_INVOICES = 12


class PortalPage:
    """Serves the portal of each customer.

    Args:
        account: Whose customers.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """The page's addresses."""
        return [
            Route("/portal/{session}", self.portal, methods=["GET"]),
            Route("/portal/{session}/card", self.card, methods=["POST"]),
            Route("/portal/{session}/cancel", self.cancel, methods=["POST"]),
        ]

    async def portal(self, request: Request) -> Response:
        """Show what the portal's configuration allows."""
        return self._shown(request.path_params["session"])

    async def card(self, request: Request) -> Response:
        """Replace the card."""
        fields = await cards.form(request)
        if cards.must_ask(fields):
            return cards.challenge(fields)
        return self._after(
            request,
            lambda session: portal_sessions.change_card(
                self._account, session, fields.get("card", ""), authenticated=cards.succeeds(fields)
            ),
        )

    async def cancel(self, request: Request) -> Response:
        """Cancel the subscription."""
        return self._after(request, lambda session: portal_sessions.cancel(self._account, session))

    def _after(self, request: Request, act: Callable[[str], None]) -> Response:
        identifier = request.path_params["session"]
        try:
            act(identifier)
        except RefusedError as refusal:
            return self._shown(identifier, refusal.message, refusal.status)
        return RedirectResponse(f"/portal/{identifier}", status_code=303)

    def _shown(self, identifier: str, message: str = "", status: int = 200) -> Response:
        try:
            session, configuration = portal_sessions.opened(self._account, identifier)
        except RefusedError as refusal:
            return not_found(refusal.message)
        features = configuration.features
        body = alert(message) + self._subscription(session, configuration)
        if features.payment_method_update.enabled:
            body += section(
                f'<form method="post" action="/portal/{identifier}/card">{cards.field()}'
                "<button>Update card</button></form>",
                "Payment method",
            )
        if features.invoice_history.enabled:
            body += section(self._invoices(session), "Invoices")
        if session.return_url:
            body += f'<p><a href="{escape(session.return_url)}">Return</a></p>'
        return document("Manage your subscription", body, status=status)

    def _subscription(self, session: Session, configuration: Configuration) -> str:
        subscription = portal_sessions.subscription_of(self._account, session)
        if subscription is None:
            return section("<p>You have no subscription.</p>")
        item = subscription.items.data[0]
        product = self._account.get(Product, reference(item.price.product))
        price = amount(item.price.unit_amount or 0, item.price.currency)
        ends = subscription.cancel_at
        comes = (
            f"Ends {day(at(ends))}" if ends else f"Renews {day(at(billing_cycle.period(subscription)[1]))}"
        )
        every = item.price.recurring.interval if item.price.recurring else ""
        status = escape(subscription.status.replace("_", " "))
        body = (
            f'<p class="figure">{escape(product.name)}</p>'
            f'<p>{price} a {every} · <span class="tag">{status}</span></p>'
            f'<p class="soft">{comes}{self._charged_to(subscription)}</p>'
        )
        if configuration.features.subscription_cancel.enabled and not ends:
            body += f'<form method="post" action="/portal/{session.id}/cancel">'
            body += '<button class="plain">Cancel subscription</button></form>'
        return section(body)

    def _charged_to(self, subscription: Subscription) -> str:
        method = self._account.find(PaymentMethod, str(subscription.default_payment_method))
        if method is None or "card" not in method or not method.card:
            return ""
        card = method.card
        return f", charged to {escape(card.brand.capitalize())} ending in {card.last4}"

    def _invoices(self, session: Session) -> str:
        found = [
            invoice
            for invoice in self._account.all(Invoice)
            if invoice.customer == session.customer and invoice.hosted_invoice_url
        ]
        listed = "".join(
            f'<tr><th scope="row"><a href="{escape(str(invoice.hosted_invoice_url))}">'
            f'{day(at(invoice.created))}</a> <span class="soft small">{invoice.status}</span></th>'
            f"<td>{amount(invoice.total, invoice.currency)}</td></tr>"
            for invoice in sorted(found, key=lambda each: -each.created)[:MOST_INVOICES]
        )
        return f"<table>{listed}</table>" if listed else "<p>No invoices yet.</p>"
