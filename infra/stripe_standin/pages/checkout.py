"""Checkout's page (docs.stripe.com/payments/checkout/how-checkout-works)."""

from html import escape

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from stripe import LineItem
from stripe.checkout import Session

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.checkout import completion, options
from infra.stripe_standin.customers import cardless
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.pages import cards
from infra.stripe_standin.pages.document import alert, amount, document, not_found, rows, section

NAMES = {
    "cashapp": "Cash App",
    "link": "Link",
    "sepa_debit": "SEPA debit",
    "us_bank_account": "US bank account",
}


class CheckoutPage:
    """Serves the page of each session.

    Args:
        account: Whose sessions.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """The page's address."""
        return [Route("/checkout/{session}", self.checkout, methods=["GET", "POST"])]

    async def checkout(self, request: Request) -> Response:
        """Show a session's items, take a card (perhaps ask for its owner) or another method; then go on."""
        identifier = request.path_params["session"]
        message = ""
        try:
            session = self._account.get(Session, identifier)
            if request.method == "POST":
                fields = await cards.form(request)
                if cards.must_ask(fields):
                    return cards.challenge(fields)
                completion.complete(
                    self._account,
                    identifier,
                    fields.get("card"),
                    fields.get("paymentMethod", "card"),
                    fields.get("code") or None,
                    authenticated=cards.succeeds(fields),
                )
                address = (session.success_url or "").replace("{CHECKOUT_SESSION_ID}", identifier)
                return RedirectResponse(address, status_code=303)
        except RefusedError as refusal:
            if refusal.status == 404:  # noqa: PLR2004
                return not_found(refusal.message)
            message = refusal.message
        return self._shown(session, message)

    def _shown(self, session: Session, message: str) -> Response:
        items: list[LineItem] = session.line_items.data if session.line_items else []
        title = f"Subscribe to {' and '.join(item.description or '' for item in items)}"
        body = section(self._price(session, items))
        if session.status == "open":
            body += section(f'{alert(message)}<form method="post">{self._fields(session)}</form>', "Pay with")
            if session.cancel_url:
                body += f'<p><a href="{escape(session.cancel_url)}">Cancel</a></p>'
        else:
            body += section(f"{alert(message)}<p>This session is {escape(str(session.status))}.</p>")
        return document(title, body, status=402 if message else 200)

    def _price(self, session: Session, items: list[LineItem]) -> str:
        currency = session.currency or "usd"
        total = amount(sum(item.amount_total for item in items), currency)
        price = items[0].price
        every = price.recurring.interval if price and price.recurring else ""
        days = self._trial_days(session)
        figure, then = (
            (f"{days} days free", f"Then {total} a {every}") if days else (f"{total} a {every}", "")
        )
        listed = rows(
            (f"{item.quantity} × {item.description}", amount(item.amount_total, currency)) for item in items
        )
        return f'<p class="figure">{figure}</p><p class="soft">{then}</p>{listed}'

    def _trial_days(self, session: Session) -> int:
        return int(self._account.subscription_data[session.id].get("trial_period_days") or 0)

    def _fields(self, session: Session) -> str:
        code = (
            '<label for="code">Promotion code</label><input id="code" name="code" autocomplete="off">'
            if session.allow_promotion_codes
            else ""
        )
        said = session.custom_text.submit.message if session.custom_text.submit else ""
        words = f'<p class="soft small">{escape(said)}</p>' if said else ""
        label = "Start trial" if self._trial_days(session) else "Subscribe"
        return f"{cards.field()}{code}<button>{label}</button>{words}{_other_ways(session)}"


def _other_ways(session: Session) -> str:
    """Buttons that need no card."""
    buttons = "".join(
        f'<button class="plain" name="paymentMethod" value="{kind}" formnovalidate>'
        f"Subscribe with {NAMES[kind]}</button>"
        for kind in cardless.TYPED
        if kind in session.payment_method_types
    )
    if options.may_go_without(session):
        buttons += '<button class="plain" formnovalidate>Subscribe without a payment method</button>'
    return f"<details><summary>Without a card</summary>{buttons}</details>" if buttons else ""
