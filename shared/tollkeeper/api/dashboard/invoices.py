"""Invoices explained, and those that are older than the page lists."""

import re

from tollkeeper import runtime
from tollkeeper.api.bodies.explanations import ExplanationOut
from tollkeeper.api.browser_replies import file
from tollkeeper.api.browsers import Visit
from tollkeeper.api.dashboard.records import as_table
from tollkeeper.api.dashboard.shown import Answer, as_page, notation_of
from tollkeeper.pages import dashboard
from tollkeeper.pages.dashboard import Onward
from tollkeeper.rules.users import User
from tollkeeper.runtime import dashboard as runtime_dashboard
from tollkeeper.runtime import views
from tollkeeper.views.invoices import ForeignInvoiceError
from tollkeeper.views.invoices_at_stripe import InvoicesAtStripe
from tollkeeper.views.stripe_bills import BillsView

INVOICE = re.compile("in_[A-Za-z0-9_]{1,250}")


def explain(visit: Visit) -> Answer:
    """Answer GET /dashboard/explain, of an invoice that is on the list from which it was clicked."""
    asked = runtime_dashboard.invoices_at_stripe(visit.opened)
    bills = _list(visit, _user(visit), asked)
    invoice = bills.invoice(visit.fields.get("invoice", ""))
    explanations, told = views.explanations_by(asked), visit.fields.get("format")
    if told == "csv":
        found = explanations.table(visit.user, invoice.id, visit.cursor)
        return as_table(visit, found, "explain", invoice.number or invoice.id)
    why = explanations.explain(visit.user, invoice.id, visit.cursor)
    if told == "json":
        body = ExplanationOut.of(why).model_dump_json(by_alias=True)
        return file(body, "application/json", f"{invoice.number or invoice.id}.json")
    onward = Onward(
        visit.here("explain", cursor=None, format="csv"),
        visit.here("explain", cursor=why.cursor) if why.cursor else None,
        is_first=visit.cursor is None,
        json=visit.here("explain", format="json"),
    )
    return as_page(dashboard.explanation(why, bills, runtime.catalogue(), onward, notation_of(visit)))


def older(visit: Visit) -> Answer:
    """Answer GET /dashboard/invoices: those that are older than one."""
    asked = runtime_dashboard.invoices_at_stripe(visit.opened)
    than = visit.fields.get("after", "")
    bills = asked.older(_user(visit), _invoice(than))
    return as_page(dashboard.older_invoices(bills, than, notation_of(visit)))


def _list(visit: Visit, user: User, asked: InvoicesAtStripe) -> BillsView:
    """Return the list that an invoice was clicked on: the page's own, or one of older ones."""
    if than := visit.fields.get("after"):
        return asked.older(user, _invoice(than))
    return runtime_dashboard.bills_at_stripe().of(user, visit.opened.answer)


def _user(visit: Visit) -> User:
    return runtime.users().read(visit.user, runtime.clock().now())


def _invoice(sent: str) -> str:
    if not INVOICE.fullmatch(sent):
        raise ForeignInvoiceError
    return sent
