"""The pages a person clicks on: Checkout, the portal and hosted invoices; no script, no assets."""

from collections.abc import Callable, Mapping
from html import escape
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from stripe import Invoice, LineItem
from stripe.checkout import Session

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.checkout import completion, options
from infra.stripe_standin.clocks.sandbox_clock import at
from infra.stripe_standin.customers import cardless, cards
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import authentication, payment_intents
from infra.stripe_standin.portal import portal_sessions

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 30rem; margin: 0 auto; padding: 1.5rem }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit }
input, button { padding: .7rem; margin: .25rem 0 1rem; border: 1px solid; border-radius: .4rem }
button { background: #0b57d0; border-color: #0b57d0; color: #fff; cursor: pointer }
table { width: 100%; border-collapse: collapse } td { padding: .3rem 0 } td + td { text-align: right }
[role=alert] { border-left: .3rem solid #c5221f; padding-left: .7rem }
"""


class Pages:
    """Serves the pages.

    Args:
        account: Whose sessions and invoices.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """The pages' addresses."""
        return [
            Route("/checkout/{session}", self.checkout, methods=["GET", "POST"]),
            Route("/portal/{session}", self.portal, methods=["GET"]),
            Route("/portal/{session}/card", self.portal_card, methods=["POST"]),
            Route("/portal/{session}/cancel", self.portal_cancel, methods=["POST"]),
            Route("/invoices/{invoice}", self.invoice, methods=["GET"]),
            Route("/invoices/{invoice}/authenticate", self.invoice_authenticate, methods=["POST"]),
        ]

    async def checkout(self, request: Request) -> Response:
        """Show a session's items, take a card (perhaps ask for its owner) or another method; then go on."""
        identifier = request.path_params["session"]
        message = ""
        try:
            session = self._account.get(Session, identifier)
            if request.method == "POST":
                form = await _form(request)
                if _must_ask(form):
                    return _challenge(form)
                completion.complete(
                    self._account,
                    identifier,
                    form.get("card"),
                    form.get("paymentMethod", "card"),
                    form.get("code") or None,
                    authenticated=form.get("authenticated") == "yes",
                )
                address = (session.success_url or "").replace("{CHECKOUT_SESSION_ID}", identifier)
                return RedirectResponse(address, status_code=303)
        except RefusedError as refusal:
            if refusal.status == 404:  # noqa: PLR2004
                return _page("Not found", f"<p>{escape(refusal.message)}</p>", status=404)
            message = refusal.message
        return _page("Subscribe", _checkout_body(session, message), status=402 if message else 200)

    async def portal(self, request: Request) -> Response:
        """Show what the portal's configuration allows."""
        return self._portal(request.path_params["session"])

    async def portal_card(self, request: Request) -> Response:
        """Replace the card."""
        form = await _form(request)
        if _must_ask(form):
            return _challenge(form)
        authenticated = form.get("authenticated") == "yes"
        return self._after(
            request,
            lambda session: portal_sessions.change_card(
                self._account, session, form.get("card", ""), authenticated=authenticated
            ),
        )

    async def portal_cancel(self, request: Request) -> Response:
        """Cancel the subscription."""
        return self._after(request, lambda session: portal_sessions.cancel(self._account, session))

    def _after(self, request: Request, act: Callable[[str], None]) -> Response:
        identifier = request.path_params["session"]
        try:
            act(identifier)
        except RefusedError as refusal:
            return self._portal(identifier, refusal.message, refusal.status)
        return RedirectResponse(f"/portal/{identifier}", status_code=303)

    def _portal(self, identifier: str, message: str = "", status: int = 200) -> Response:
        try:
            session, configuration = portal_sessions.opened(self._account, identifier)
        except RefusedError as refusal:
            return _page("Not found", f"<p>{escape(refusal.message)}</p>", status=404)
        subscription = portal_sessions.subscription_of(self._account, session)
        body = _alert(message)
        if subscription:
            ends = f", ends {at(subscription.cancel_at):%d %b %Y}" if subscription.cancel_at else ""
            body += f"<p>Your subscription is <strong>{escape(subscription.status)}</strong>{ends}.</p>"
        if configuration.features.payment_method_update.enabled:
            body += f'<form method="post" action="/portal/{identifier}/card">{_card_field()}'
            body += "<button>Update card</button></form>"
        if subscription and configuration.features.subscription_cancel.enabled and not subscription.cancel_at:
            body += f'<form method="post" action="/portal/{identifier}/cancel">'
            body += "<button>Cancel subscription</button></form>"
        if session.return_url:
            body += f'<p><a href="{escape(session.return_url)}">Return</a></p>'
        return _page("Manage your subscription", body, status=status)

    async def invoice(self, request: Request) -> Response:
        """Show an invoice's lines and total, and where its payment waits for the customer, ask them."""
        found = self._account.find(Invoice, request.path_params["invoice"])
        if found is None:
            return _page("Not found", "<p>There is no such invoice.</p>", status=404)
        rows = [(line.description or "", line.amount) for line in found.lines.data]
        body = f"<p>{escape(found.number or 'Draft')}, {escape(str(found.status))}</p>"
        body += _table([*rows, ("Total", found.total)], found.currency)
        if payment_intents.awaits_authentication(self._account, found):
            body += _question(f"/invoices/{found.id}/authenticate", {})
        return _page("Invoice", body)

    async def invoice_authenticate(self, request: Request) -> Response:
        """Confirm or fail the payment of an invoice."""
        form, identifier = await _form(request), request.path_params["invoice"]
        try:
            authentication.authenticate(
                self._account, identifier, succeeds=form.get("authenticated") == "yes"
            )
        except RefusedError as refusal:
            return _page("Invoice", _alert(refusal.message), status=refusal.status)
        return RedirectResponse(f"/invoices/{identifier}", status_code=303)


def _must_ask(form: Mapping[str, str]) -> bool:
    """Whether the card that is paid with asks for its owner, who has not answered yet."""
    if form.get("paymentMethod", "card") != "card":
        return False
    try:
        return bool(cards.by_number(form.get("card", "")).authenticates) and "authenticated" not in form
    except RefusedError:
        return False


def _challenge(form: Mapping[str, str]) -> Response:
    """The bank's page between a card and its charge (docs.stripe.com/payments/3d-secure)."""
    return _page("Confirm it is you", _question("", form))


def _question(address: str, form: Mapping[str, str]) -> str:
    """Two buttons, which send what was typed before along."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in form.items()
    )
    buttons = (
        '<button name="authenticated" value="yes">Complete authentication</button>'
        '<button name="authenticated" value="no">Fail authentication</button>'
    )
    return (
        "<p>Your bank asks you to confirm this payment.</p>"
        f'<form method="post" action="{escape(address)}">{hidden}{buttons}</form>'
    )


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


def _checkout_body(session: Session, message: str) -> str:
    items: list[LineItem] = session.line_items.data if session.line_items else []
    body = _alert(message) + _table(
        [(item.description or "", item.amount_total) for item in items], session.currency or "usd"
    )
    if session.status != "open":
        return body + f"<p>This session is {escape(str(session.status))}.</p>"
    code = (
        '<label for="code">Promotion code</label><input id="code" name="code" autocomplete="off">'
        if session.allow_promotion_codes
        else ""
    )
    back = f'<p><a href="{escape(session.cancel_url)}">Cancel</a></p>' if session.cancel_url else ""
    others = "".join(
        f'<button name="paymentMethod" value="{kind}" formnovalidate>Subscribe with {kind}</button>'
        for kind in cardless.TYPED
        if kind in session.payment_method_types
    )
    if options.may_go_without(session):
        others += "<button formnovalidate>Subscribe without a payment method</button>"
    said = session.custom_text.submit.message if session.custom_text.submit else ""
    words = f"<p>{escape(said)}</p>" if said else ""
    fields = f"{_card_field()}{code}{words}<button>Subscribe</button>{others}"
    return f'{body}<form method="post">{fields}</form>{back}'


def _card_field() -> str:
    return (
        '<label for="card">Card number</label>'
        '<input id="card" name="card" inputmode="numeric" autocomplete="cc-number" required '
        'aria-describedby="hint" placeholder="4242 4242 4242 4242">'
        '<p id="hint">Only Stripe\'s test cards work here; no real card is charged.</p>'
    )


def _alert(message: str) -> str:
    return f'<p role="alert">{escape(message)}</p>' if message else ""


def _table(rows: list[tuple[str, int]], currency: str) -> str:
    cells = "".join(
        f"<tr><td>{escape(text)}</td><td>{amount / 100:,.2f} {escape(currency.upper())}</td></tr>"
        for text, amount in rows
    )
    return f"<table>{cells}</table>"


def _page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>",
        status,
    )
