"""Many lines of a draft in one call (docs.stripe.com/invoicing/bulk-update-line-item).

Each call happens wholly or not at all, and answers with the invoice.
"""

from collections.abc import Mapping
from typing import Any

from stripe import Customer, Invoice, InvoiceItem, InvoiceLineItem
from stripe.params import InvoiceAddLinesParams, InvoiceRemoveLinesParams, InvoiceUpdateLinesParams

from infra.stripe_standin.account.shapes import metadata
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError, missing
from infra.stripe_standin.invoices import billed_items
from infra.stripe_standin.server.routes import Routes

routes = Routes()


@routes.post("/v1/invoices/{invoice}/add_lines", InvoiceAddLinesParams)
def add(account: Account, params: InvoiceAddLinesParams, invoice: str) -> Invoice:
    """Add lines, each of them backed by an invoice item (docs.stripe.com/api/invoices/add_lines)."""
    known = _draft(account, invoice)
    customer = account.get(Customer, str(known.customer))
    items = [
        _unassigned(account, known, line, f"lines[{at}]")
        if "invoice_item" in line
        else billed_items.new(account, customer, line, known, at=f"lines[{at}]")
        for at, line in enumerate(params["lines"])
    ]
    billed_items.put_on(account, known, items)
    _note(account, known, params)
    return known


def _unassigned(account: Account, invoice: Invoice, line: Mapping[str, Any], at: str) -> InvoiceItem:
    """A pending item of the same customer and currency."""
    item = account.get(InvoiceItem, line["invoice_item"], f"{at}[invoice_item]")
    if item.invoice or (item.customer, item.currency) != (invoice.customer, invoice.currency):
        raise RefusedError(
            "The invoice item is on an invoice already, or of another customer or currency.",
            param=f"{at}[invoice_item]",
        )
    return item


@routes.post("/v1/invoices/{invoice}/remove_lines", InvoiceRemoveLinesParams)
def remove(account: Account, params: InvoiceRemoveLinesParams, invoice: str) -> Invoice:
    """Remove lines: delete their items, or leave these pending (docs.stripe.com/api/invoices/remove_lines).

    *Unverified* that lines of subscription items cannot be removed, which Stripe's Dashboard refuses.
    """
    known = _draft(account, invoice)
    found = [
        (_item(account, known, line["id"], f"lines[{at}][id]"), line["behavior"])
        for at, line in enumerate(params["lines"])
    ]
    for item, behavior in found:
        billed_items.take_off(account, known, item, deleted=behavior == "delete")
    _note(account, known, params)
    return known


@routes.post("/v1/invoices/{invoice}/update_lines", InvoiceUpdateLinesParams)
def update(account: Account, params: InvoiceUpdateLinesParams, invoice: str) -> Invoice:
    """Change lines that invoice items are behind (docs.stripe.com/api/invoices/update_lines)."""
    known = _draft(account, invoice)
    found = [
        (_item(account, known, line["id"], f"lines[{at}][id]"), line)
        for at, line in enumerate(params["lines"])
    ]
    with account.changing("invoice.updated", known):
        for at, (item, line) in enumerate(found):
            billed_items.revise(account, item, line, known, at=f"lines[{at}]")
    _note(account, known, params)
    return known


def _draft(account: Account, invoice: str) -> Invoice:
    known = account.get(Invoice, invoice)
    billed_items.check_editable(known)
    return known


def _item(account: Account, invoice: Invoice, line: str, param: str) -> InvoiceItem:
    for known in invoice.lines.data:
        if known.id == line:
            return _backing(account, known, param)
    raise missing("line_item", line, param)


def _backing(account: Account, line: InvoiceLineItem, param: str) -> InvoiceItem:
    item = billed_items.item_of(account, line)
    if item is None:
        raise RefusedError("The line is one of a subscription item.", param=param)
    return item


def _note(account: Account, invoice: Invoice, params: Mapping[str, Any]) -> None:
    """Set `invoice_metadata`, which is the invoice's own."""
    if "invoice_metadata" in params:
        with account.changing("invoice.updated", invoice):
            invoice.metadata = metadata(params["invoice_metadata"], invoice.metadata)
