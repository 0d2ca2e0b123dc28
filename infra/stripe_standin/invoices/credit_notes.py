"""Credit notes: what somebody takes back of a final invoice (docs.stripe.com/api/credit_notes).

By lines of the invoice or by an amount. *Unverified* how Stripe spreads discounts and taxes over a part of a
line; the stand-in takes back the same share of them.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from stripe import CreditNote, CreditNoteLineItem, Customer, Invoice, InvoiceLineItem, ListObject, Refund
from stripe.params import CreditNoteCreateParams, CreditNoteListParams, CreditNoteRetrieveParams

from infra.stripe_standin.account.shapes import listing, make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError, lacking, missing
from infra.stripe_standin.invoices import collection, refunds
from infra.stripe_standin.products.prices import cents
from infra.stripe_standin.server.lists import matching, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()

LACKING = ("refunds", "shipping_cost")


@routes.post("/v1/credit_notes", CreditNoteCreateParams)
def create(account: Account, params: CreditNoteCreateParams) -> CreditNote:
    """Take a part of a final invoice back (docs.stripe.com/api/credit_notes/create).

    What is not paid yet is no longer due. Of what is paid, each cent is refunded, credited to the customer's
    balance, or given back elsewhere.

    Raises:
        RefusedError: The invoice is not final, or the parts do not come to the whole.
    """
    invoice = account.get(Invoice, params["invoice"], "invoice")
    if invoice.status not in ("open", "paid", "uncollectible"):
        raise RefusedError("Only a final invoice can be credited.", param="invoice")
    for name in LACKING:
        if name in params:
            raise lacking(f"{name} of credit notes")
    lines = [_line(invoice, given, f"lines[{at}]") for at, given in enumerate(params.get("lines", []))]
    total = sum(_whole(line) for line in lines) if lines else params.get("amount", 0)
    if not 0 < total <= invoice.total - _credited(invoice):
        raise RefusedError(
            "The amount must be positive, and at most what is left of the invoice.", param="amount"
        )
    before_payment = min(total, invoice.amount_remaining)
    refunded, credited = params.get("refund_amount", 0), params.get("credit_amount", 0)
    elsewhere = params.get("out_of_band_amount", 0)
    if refunded + credited + elsewhere != total - before_payment:
        raise RefusedError(
            "The sum of refund_amount, credit_amount and out_of_band_amount must equal what was paid of it, "
            f"{total - before_payment}.",
            param="amount",
        )
    refund = (
        refunds.give_back(account, refunds.payment_of(account, invoice, refunded), refunded)
        if refunded
        else None
    )
    note = account.keep(_note(account, invoice, lines, total, before_payment, refund))
    note.out_of_band_amount = elsewhere or None
    note.memo, note.reason = params.get("memo"), params.get("reason")
    note.metadata = metadata(params.get("metadata"))
    account.emit("credit_note.created", note)
    _apply(account, invoice, note, credited)
    return note


def _credited(invoice: Invoice) -> int:
    return invoice.pre_payment_credit_notes_amount + invoice.post_payment_credit_notes_amount


def _line(invoice: Invoice, given: Mapping[str, Any], at: str) -> CreditNoteLineItem:
    """A line that takes back a line of the invoice: some of its quantity, an amount of it, or all."""
    if given["type"] != "invoice_line_item" or given.keys() & {"tax_amounts", "tax_rates"}:
        raise lacking("credit notes' own lines and taxes")
    wanted = given.get("invoice_line_item", "")
    line = next((known for known in invoice.lines.data if known.id == wanted), None)
    if line is None:
        raise missing("line_item", wanted, f"{at}[invoice_line_item]")
    quantity = given.get("quantity")
    if "amount" in given:
        amount = given["amount"]
    elif quantity is not None:
        amount = cents(Decimal(line.amount) * quantity / (line.quantity_decimal or 1))
    else:
        amount, quantity = line.amount, line.quantity
    if not 0 < amount <= line.amount:
        raise RefusedError("A line is credited up to its amount.", param=f"{at}[amount]")
    share = Decimal(amount) / line.amount
    return make(
        CreditNoteLineItem,
        id=new_id("cnli"),
        amount=amount,
        description=given.get("description", line.description),
        discount_amount=sum(cut["amount"] for cut in _cuts(line, share)),
        discount_amounts=_cuts(line, share),
        invoice_line_item=line.id,
        metadata=metadata(given.get("metadata")),
        pretax_credit_amounts=[],
        quantity=quantity,
        tax_rates=[],
        taxes=[
            {**tax.to_dict(), "amount": cents(tax.amount * share), "taxable_amount": _part(tax, share)}
            for tax in line.taxes or []
        ],
        type="invoice_line_item",
    )


def _part(tax: InvoiceLineItem.Tax, share: Decimal) -> int:
    return cents((tax.taxable_amount or 0) * share)


def _cuts(line: InvoiceLineItem, share: Decimal) -> list[dict[str, Any]]:
    return [
        {"amount": cents(cut.amount * share), "discount": str(cut.discount)}
        for cut in line.discount_amounts or []
    ]


def _added(line: CreditNoteLineItem) -> int:
    return sum(tax.amount for tax in line.taxes or [] if tax.tax_behavior == "exclusive")


def _whole(line: CreditNoteLineItem) -> int:
    """What a line takes back, with its discounts and taxes."""
    return line.amount - line.discount_amount + _added(line)


def _note(
    account: Account,
    invoice: Invoice,
    lines: list[CreditNoteLineItem],
    total: int,
    before_payment: int,
    refund: Refund | None,
) -> CreditNote:
    now = account.now(invoice.test_clock)
    identifier = new_id("cn")
    of_invoice = [known for known in account.all(CreditNote) if known.invoice == invoice.id]
    untaxed = total - sum(_added(line) for line in lines)
    kind = "pre_payment" if before_payment == total else "post_payment" if not before_payment else "mixed"
    return make(
        CreditNote,
        id=identifier,
        amount=total,
        amount_shipping=0,
        created=now,
        currency=invoice.currency,
        customer=invoice.customer,
        discount_amount=sum(line.discount_amount for line in lines),
        discount_amounts=[],
        effective_at=now,
        invoice=invoice.id,
        lines=listing(lines, f"/v1/credit_notes/{identifier}/lines"),
        number=f"{invoice.number}-CN-{len(of_invoice) + 1:02d}",
        pdf=f"{account.public_url}/invoices/{invoice.id}",
        post_payment_amount=total - before_payment,
        pre_payment_amount=before_payment,
        pretax_credit_amounts=[],
        refunds=[{"amount_refunded": refund.amount, "refund": refund.id, "type": "refund"}] if refund else [],
        status="issued",
        subtotal=sum(line.amount for line in lines) or total,
        subtotal_excluding_tax=untaxed,
        total=total,
        total_excluding_tax=untaxed,
        total_taxes=[],
        type=kind,
    )


def _apply(account: Account, invoice: Invoice, note: CreditNote, credited: int) -> None:
    """What a credit note does to its invoice and its customer; nothing left to pay is paid."""
    with account.changing("invoice.updated", invoice):
        invoice.pre_payment_credit_notes_amount += note.pre_payment_amount
        invoice.post_payment_credit_notes_amount += note.post_payment_amount
        invoice.amount_remaining -= note.pre_payment_amount
        invoice.amount_due -= note.pre_payment_amount
    customer = account.get(Customer, str(invoice.customer))
    with account.changing("customer.updated", customer):
        customer.balance = (customer.balance or 0) - credited
    if invoice.status == "open" and invoice.amount_due == 0:
        collection.collect(account, invoice)


@routes.get("/v1/credit_notes", CreditNoteListParams)
def listed(account: Account, params: CreditNoteListParams) -> ListObject[CreditNote]:
    """List credit notes (docs.stripe.com/api/credit_notes/list)."""
    return page(matching(account.all(CreditNote), params, "customer", "invoice"), params, "/v1/credit_notes")


@routes.get("/v1/credit_notes/{credit_note}", CreditNoteRetrieveParams)
def retrieve(account: Account, _params: CreditNoteRetrieveParams, credit_note: str) -> CreditNote:
    """Retrieve a credit note (docs.stripe.com/api/credit_notes/retrieve)."""
    return account.get(CreditNote, credit_note)
