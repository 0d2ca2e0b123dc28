"""Invoices as the API has them (docs.stripe.com/api/invoices)."""

from collections.abc import Iterator
from functools import partial

from stripe import Invoice, InvoiceLineItem, InvoicePayment, ListObject
from stripe.params import (
    InvoiceFinalizeInvoiceParams,
    InvoiceLineItemListParams,
    InvoiceListParams,
    InvoiceMarkUncollectibleParams,
    InvoicePaymentListParams,
    InvoicePayParams,
    InvoiceRetrieveParams,
    InvoiceSendInvoiceParams,
    InvoiceVoidInvoiceParams,
)

from infra.stripe_standin.account.state import Account, Due
from infra.stripe_standin.customers import payment_methods
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.invoices import collection, drafts, finalization, scheduling, second_payments
from infra.stripe_standin.server.lists import matching, outside_clocks, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()


def due(account: Account) -> Iterator[Due]:
    """Drafts to finalise and payments to retry."""
    for invoice in account.all(Invoice):
        clock = str(invoice.test_clock) if invoice.test_clock else None
        if invoice.status == "draft" and invoice.auto_advance and invoice.automatically_finalizes_at:
            yield Due(
                invoice.automatically_finalizes_at, partial(_advance, account, invoice), clock, billing=True
            )
        if invoice.status == "open" and invoice.next_payment_attempt and invoice.id not in account.collecting:
            yield Due(invoice.next_payment_attempt, partial(_retry, account, invoice), clock)
        if invoice.status == "open" and invoice.due_date and invoice.id not in account.overdue:
            yield Due(invoice.due_date, partial(collection.fall_overdue, account, invoice), clock)
        if invoice.id in account.collecting:
            instant = account.collecting[invoice.id]
            yield Due(instant, partial(_collect, account, invoice), clock, billing=True)


def _advance(account: Account, invoice: Invoice) -> None:
    if scheduling.put_off(account, invoice):
        return
    try:
        finalization.check(account, invoice)
    except RefusedError:  # `invoice.finalization_failed` has told; the draft stays
        return
    finalization.finalize(account, invoice)
    collection.advance(account, invoice)


def _collect(account: Account, invoice: Invoice) -> None:
    """Finish what advancing began, even if somebody else has had the invoice paid meanwhile."""
    del account.collecting[invoice.id]
    if invoice.status == "open":
        collection.advance(account, invoice)
    elif invoice.status == "paid":
        second_payments.charge_again(account, invoice)


def _retry(account: Account, invoice: Invoice) -> None:
    collection.collect(account, invoice)


@routes.get("/v1/invoices", InvoiceListParams)
def listed(account: Account, params: InvoiceListParams) -> ListObject[Invoice]:
    """List invoices (docs.stripe.com/api/invoices/list)."""
    found = matching(account.all(Invoice), params, "collection_method", "customer", "status")
    found = outside_clocks(found, params, "customer", "subscription")
    found = [_fresh(account, invoice) for invoice in found]
    if subscription := params.get("subscription"):
        found = [invoice for invoice in found if _bills(account, invoice, subscription)]
    return page(found, params, "/v1/invoices")


def _bills(account: Account, invoice: Invoice, subscription: str) -> bool:
    billed = drafts.subscription_of(account, invoice)
    return billed is not None and billed.id == subscription


def _fresh(account: Account, invoice: Invoice) -> Invoice:
    """A draft shows what its customer used by now."""
    if invoice.status == "draft":
        drafts.total(account, invoice)
    return invoice


@routes.get("/v1/invoices/{invoice}", InvoiceRetrieveParams)
def retrieve(account: Account, _params: InvoiceRetrieveParams, invoice: str) -> Invoice:
    """Retrieve an invoice (docs.stripe.com/api/invoices/retrieve)."""
    return _fresh(account, account.get(Invoice, invoice))


@routes.get("/v1/invoices/{invoice}/lines", InvoiceLineItemListParams)
def lines(account: Account, params: InvoiceLineItemListParams, invoice: str) -> ListObject[InvoiceLineItem]:
    """List an invoice's lines, or a preview's (docs.stripe.com/api/invoice-line-item/list)."""
    known = account.previews.get(invoice) or _fresh(account, account.get(Invoice, invoice))
    found = known.lines.data
    return page(found, params, f"/v1/invoices/{invoice}/lines")


@routes.get("/v1/invoice_payments", InvoicePaymentListParams)
def payments(account: Account, params: InvoicePaymentListParams) -> ListObject[InvoicePayment]:
    """List payments of invoices (docs.stripe.com/api/invoice-payment/list)."""
    found = matching(account.all(InvoicePayment), params, "invoice", "status")
    if (wanted := params.get("payment")) is not None:
        if wanted["type"] != "payment_intent":
            raise lacking("payments of invoices by payment records")
        found = [each for each in found if each.payment.payment_intent == wanted.get("payment_intent")]
    return page(found, params, "/v1/invoice_payments")


@routes.post("/v1/invoices/{invoice}/finalize", InvoiceFinalizeInvoiceParams)
def finalize(account: Account, params: InvoiceFinalizeInvoiceParams, invoice: str) -> Invoice:
    """Finalise a draft; if it advances, it is collected afterwards (docs.stripe.com/api/invoices/finalize).

    The answer is an open invoice. *Unverified* how soon Stripe collects; others saw it begin at once, and
    succeed minutes later (github.com/twentyhq/twenty/pull/24264). The stand-in takes an hour.
    """
    known = account.get(Invoice, invoice)
    finalization.check(account, known)
    known.auto_advance = params.get("auto_advance", known.auto_advance)
    finalization.finalize(account, known)
    if known.amount_due == 0:
        collection.advance(account, known)
    elif known.auto_advance:
        collection.begin(account, known)
    return known


@routes.post("/v1/invoices/{invoice}/pay", InvoicePayParams)
def pay(account: Account, params: InvoicePayParams, invoice: str) -> Invoice:
    """Pay an invoice now, finalising a draft first (docs.stripe.com/api/invoices/pay).

    Where Stripe has begun to collect the invoice by itself, it goes on, and the customer is charged twice.

    Raises:
        RefusedError: It is already paid, or the card was declined (402).
    """
    known = account.get(Invoice, invoice)
    if known.status == "draft":
        finalization.check(account, known)
        finalization.finalize(account, known)
    if known.status not in ("open", "uncollectible"):
        raise RefusedError(f"Invoice is already {known.status}", code="invoice_not_editable")
    method = None
    if "payment_method" in params:
        method = payment_methods.resolve(account, params["payment_method"]).id
    refusal = collection.collect(account, known, method)
    if refusal:
        raise refusal
    return known


@routes.post("/v1/invoices/{invoice}/void", InvoiceVoidInvoiceParams)
def void(account: Account, _params: InvoiceVoidInvoiceParams, invoice: str) -> Invoice:
    """Void an open invoice (docs.stripe.com/api/invoices/void)."""
    known = account.get(Invoice, invoice)
    finalization.void(account, known)
    return known


@routes.post("/v1/invoices/{invoice}/send", InvoiceSendInvoiceParams)
def send(account: Account, _params: InvoiceSendInvoiceParams, invoice: str) -> Invoice:
    """Send an invoice, finalising a draft first (docs.stripe.com/api/invoices/send); no mail leaves here."""
    known = account.get(Invoice, invoice)
    if known.collection_method != "send_invoice":
        raise RefusedError("You can only manually send an invoice whose collection method is send_invoice.")
    if known.status == "draft":
        finalization.check(account, known)
        finalization.finalize(account, known)
    account.emit("invoice.sent", known)
    return known


@routes.post("/v1/invoices/{invoice}/mark_uncollectible", InvoiceMarkUncollectibleParams)
def mark_uncollectible(account: Account, _params: InvoiceMarkUncollectibleParams, invoice: str) -> Invoice:
    """Write an open invoice off (docs.stripe.com/api/invoices/mark_uncollectible)."""
    known = account.get(Invoice, invoice)
    finalization.write_off(account, known)
    return known
