"""Invoices as the API has them (docs.stripe.com/api/invoices)."""

from collections.abc import Iterator
from functools import partial

from stripe import Invoice, InvoiceItem, InvoiceLineItem, InvoicePayment, ListObject, Subscription
from stripe.params import (
    InvoiceCreateParams,
    InvoiceDeleteParams,
    InvoiceFinalizeInvoiceParams,
    InvoiceLineItemListParams,
    InvoiceListParams,
    InvoiceMarkUncollectibleParams,
    InvoicePaymentListParams,
    InvoicePayParams,
    InvoiceRetrieveParams,
    InvoiceSendInvoiceParams,
    InvoiceUpdateParams,
    InvoiceVoidInvoiceParams,
)

from infra.stripe_standin.account.shapes import deleted, metadata
from infra.stripe_standin.account.state import Account, Due
from infra.stripe_standin.customers import customers, payment_methods
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import collection, drafts, finalization, invoice_items
from infra.stripe_standin.server.lists import matching, outside_clocks, page
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions.periods import DAY

routes = Routes()

LONGEST_DRAFT = 3 * DAY


def due(account: Account) -> Iterator[Due]:
    """Drafts to finalise and payments to retry."""
    for invoice in account.all(Invoice):
        clock = str(invoice.test_clock) if invoice.test_clock else None
        if invoice.status == "draft" and invoice.auto_advance and invoice.automatically_finalizes_at:
            yield Due(
                invoice.automatically_finalizes_at, partial(_advance, account, invoice), clock, billing=True
            )
        if invoice.status == "open" and invoice.next_payment_attempt:
            yield Due(invoice.next_payment_attempt, partial(_retry, account, invoice), clock)
        if invoice.status == "open" and invoice.due_date and invoice.id not in account.overdue:
            yield Due(invoice.due_date, partial(collection.fall_overdue, account, invoice), clock)


def _advance(account: Account, invoice: Invoice) -> None:
    try:
        finalization.check(account, invoice)
    except RefusedError:  # `invoice.finalization_failed` has told; the draft stays
        return
    finalization.finalize(account, invoice)
    collection.advance(account, invoice)


def _retry(account: Account, invoice: Invoice) -> None:
    collection.collect(account, invoice)


@routes.post("/v1/invoices", InvoiceCreateParams)
def create(account: Account, params: InvoiceCreateParams) -> Invoice:
    """Create a draft, empty unless told to take pending items (docs.stripe.com/api/invoices/create)."""
    if "customer" not in params:
        raise RefusedError("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = customers.living(account, params["customer"])
    subscription = account.get(Subscription, params["subscription"]) if "subscription" in params else None
    lines: list[InvoiceLineItem] = []
    if params.get("pending_invoice_items_behavior") == "include":
        lines = invoice_items.take_pending_items(
            account, customer.id, subscription.id if subscription else None, params.get("currency", "usd")
        )
    invoice = drafts.draft(
        account,
        customer,
        lines,
        reason="manual",
        subscription=subscription,
        auto_advance=params.get("auto_advance", False),
    )
    if "automatically_finalizes_at" in params:
        invoice.automatically_finalizes_at, invoice.auto_advance = params["automatically_finalizes_at"], True
    drafts.set_collection(invoice, params)
    invoice.default_payment_method = params.get("default_payment_method")
    invoice.description = params.get("description")
    invoice.metadata = metadata(params.get("metadata"))
    invoice_items.bind_items(account, invoice)
    return invoice


@routes.get("/v1/invoices", InvoiceListParams)
def listed(account: Account, params: InvoiceListParams) -> ListObject[Invoice]:
    """List invoices (docs.stripe.com/api/invoices/list)."""
    found = matching(account.all(Invoice), params, "customer", "status")
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
    """List an invoice's lines (docs.stripe.com/api/invoice-line-item/list)."""
    found = _fresh(account, account.get(Invoice, invoice)).lines.data
    return page(found, params, f"/v1/invoices/{invoice}/lines")


@routes.get("/v1/invoice_payments", InvoicePaymentListParams)
def payments(account: Account, params: InvoicePaymentListParams) -> ListObject[InvoicePayment]:
    """List payments of invoices (docs.stripe.com/api/invoice-payment/list)."""
    found = matching(account.all(InvoicePayment), params, "invoice", "status")
    return page(found, params, "/v1/invoice_payments")


@routes.post("/v1/invoices/{invoice}", InvoiceUpdateParams)
def update(account: Account, params: InvoiceUpdateParams, invoice: str) -> Invoice:
    """Update an invoice; a draft can be held.

    See docs.stripe.com/api/invoices/update#update_invoice-automatically_finalizes_at.

    *Unverified* from when the 72 hours count; the stand-in counts from the draft's creation.
    """
    known = account.get(Invoice, invoice)
    with account.changing("invoice.updated", known):
        if "automatically_finalizes_at" in params:
            instant = params["automatically_finalizes_at"]
            if known.status != "draft":
                raise RefusedError("Only a draft can be held.", code="invoice_not_editable")
            if not account.now(known.test_clock) <= instant <= known.created + LONGEST_DRAFT:
                raise RefusedError(
                    "automatically_finalizes_at must lie within the next 72 hours.",
                    param="automatically_finalizes_at",
                )
            known.automatically_finalizes_at = instant
            known.auto_advance = True
        known.auto_advance = params.get("auto_advance", known.auto_advance)
        if params.keys() & {"collection_method", "days_until_due", "due_date"}:
            drafts.set_collection(known, params)
        known.default_payment_method = params.get("default_payment_method", known.default_payment_method)
        known.description = params.get("description", known.description) or None
        known.footer = params.get("footer", known.footer) or None
        known.metadata = metadata(params.get("metadata"), known.metadata)
    return known


@routes.post("/v1/invoices/{invoice}/finalize", InvoiceFinalizeInvoiceParams)
def finalize(account: Account, params: InvoiceFinalizeInvoiceParams, invoice: str) -> Invoice:
    """Finalise a draft; it is collected unless it does not advance (docs.stripe.com/api/invoices/finalize).

    *Unverified*: Stripe collects about an hour later, the stand-in at once.
    """
    known = account.get(Invoice, invoice)
    known.auto_advance = params.get("auto_advance", known.auto_advance)
    finalization.check(account, known)
    finalization.finalize(account, known)
    if known.auto_advance or known.amount_due == 0:
        collection.advance(account, known)
    return known


@routes.post("/v1/invoices/{invoice}/pay", InvoicePayParams)
def pay(account: Account, params: InvoicePayParams, invoice: str) -> Invoice:
    """Pay an invoice now, finalising a draft first (docs.stripe.com/api/invoices/pay).

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


@routes.delete("/v1/invoices/{invoice}", InvoiceDeleteParams)
def delete(account: Account, _params: InvoiceDeleteParams, invoice: str) -> Invoice:
    """Delete a draft that no subscription made (docs.stripe.com/api/invoices/delete)."""
    known = account.get(Invoice, invoice)
    if known.status != "draft" or drafts.subscription_of(account, known):
        raise RefusedError("You can only delete one-off draft invoices.", code="invoice_not_editable")
    for item in account.all(InvoiceItem):
        if item.invoice == known.id:
            account.forget(item)
    account.forget(known)
    account.emit("invoice.deleted", known)
    return deleted(Invoice, invoice)


@routes.post("/v1/invoices/{invoice}/mark_uncollectible", InvoiceMarkUncollectibleParams)
def mark_uncollectible(account: Account, _params: InvoiceMarkUncollectibleParams, invoice: str) -> Invoice:
    """Write an open invoice off (docs.stripe.com/api/invoices/mark_uncollectible)."""
    known = account.get(Invoice, invoice)
    finalization.write_off(account, known)
    return known
