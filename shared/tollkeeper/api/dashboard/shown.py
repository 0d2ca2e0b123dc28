"""What the page's routes answer with: a page in the reader's notation, or why something did not work."""

import json
from http import HTTPStatus
from secrets import token_hex
from typing import Any

from tollkeeper.api import browser_replies, errors
from tollkeeper.api.authorization import ForbiddenError
from tollkeeper.api.browsers import Visit, csrf_token
from tollkeeper.ledger.sessions import UnknownLinkError, UnknownSessionError
from tollkeeper.pages import dashboard
from tollkeeper.pages.notation import Notation, notation
from tollkeeper.pages.security import HEADERS
from tollkeeper.views.errors import AskedTooOftenError

type Answer = dict[str, Any]

STRANGERS = (UnknownLinkError, UnknownSessionError)
FAILURES: tuple[type[Exception], ...] = (*STRANGERS, AskedTooOftenError, *errors.REPLIES)
"""What a page says in words."""


def as_page(html: str, status: int = HTTPStatus.OK.value) -> Answer:
    """Answer with a page."""
    return browser_replies.page(html, HEADERS, status)


def notation_of(visit: Visit) -> Notation:
    """Return how the reader writes numbers, money and dates."""
    return notation(visit.languages)


def browser(visit: Visit) -> dashboard.Browser:
    """Return what a page with forms needs to know of who sees it."""
    return dashboard.Browser(
        visit.session.may_buy, csrf_token(visit.secret), token_hex(8), notation_of(visit)
    )


def require_buyer(visit: Visit) -> None:
    """See that a visitor may change what is bought.

    Raises:
        ForbiddenError: they may not.
    """
    if not visit.session.may_buy:
        raise ForbiddenError("Only those may do this who may change what your organisation buys.")


def failed(error: Exception, route: str) -> Answer:
    """Return the page that says why something did not work, in the words that the API has for it."""
    if isinstance(error, STRANGERS):
        message = "A link opens this page once, for half an hour. Open it again from where you came."
        return as_page(dashboard.notice("Open this page again", message), HTTPStatus.UNAUTHORIZED.value)
    back = "dashboard" if route == "GET /dashboard" else "../dashboard"
    if isinstance(error, AskedTooOftenError):
        message = "You have looked at many invoices within a minute. Wait a minute, and go on."
        html = dashboard.notice("A moment, please", message, back=back)
        return as_page(html, HTTPStatus.TOO_MANY_REQUESTS.value)
    reply = errors.reply_to(error)
    said = json.loads(reply["body"])
    link = said.get("hostedInvoiceUrl")
    html = dashboard.notice(
        "That did not work", said["message"], link=link, label="Open the invoice", back=back
    )
    return as_page(html, reply["statusCode"])
