"""Drafts that somebody writes by hand, or changes (docs.stripe.com/api/invoices)."""

from collections.abc import Mapping
from typing import Any

from stripe import Customer, Invoice, InvoiceItem, InvoiceLineItem, PaymentMethod, Subscription
from stripe.params import InvoiceCreateParams, InvoiceDeleteParams, InvoiceUpdateParams

from infra.stripe_standin.account.shapes import deleted, make, metadata
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.customers import customers
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import billed_items, drafts, invoice_items, scheduling, taxes
from infra.stripe_standin.products import discounts
from infra.stripe_standin.products.tax_rates import rates
from infra.stripe_standin.server.routes import Routes

routes = Routes()

# What changes an invoice's amounts or its way of payment, and so only a draft's.
OF_DRAFTS = {
    "automatic_tax",
    "collection_method",
    "days_until_due",
    "default_tax_rates",
    "discounts",
}


@routes.post("/v1/invoices", InvoiceCreateParams)
def create(account: Account, params: InvoiceCreateParams) -> Invoice:
    """Create a draft, empty unless told to take pending items (docs.stripe.com/api/invoices/create).

    It advances only if told to. It has the customer's coupon unless told otherwise, and, when it names no
    subscription, nothing of any subscription's: neither taxes nor payment method.
    """
    if "customer" not in params:
        raise RefusedError("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = customers.living(account, params["customer"])
    subscription = account.get(Subscription, params["subscription"]) if "subscription" in params else None
    if subscription and subscription.customer != customer.id:
        raise RefusedError("The subscription belongs to another customer.", param="subscription")
    currency = _currency(customer, subscription, params)
    lines: list[InvoiceLineItem] = []
    if params.get("pending_invoice_items_behavior") == "include":
        lines = invoice_items.take_pending_items(
            account, customer.id, subscription.id if subscription else None, currency
        )
    invoice = drafts.compose(account, customer, lines, reason="manual", subscription=subscription)
    invoice.currency = currency
    drafts.set_collection(invoice, params)
    scheduling.check(account, invoice, params)
    _settle(account, customer, invoice, params)
    scheduling.schedule(account, invoice, params)
    drafts.total(account, invoice)
    account.keep(invoice)
    invoice_items.bind_items(account, invoice)
    account.emit("invoice.created", invoice)
    return invoice


def _currency(customer: Customer, subscription: Subscription | None, params: Mapping[str, Any]) -> str:
    """As told, else that of the subscription or the customer; else the account's, which are dollars."""
    given = params.get("currency", "").lower()
    return given or (subscription.currency if subscription else customer.currency) or "usd"


def _settle(account: Account, customer: Customer, invoice: Invoice, params: Mapping[str, Any]) -> None:
    """Set what creating and updating share.

    Raises:
        RefusedError: The payment method is another customer's, or an item does not go with automatic tax.
    """
    method = params.get("default_payment_method")
    if method and account.get(PaymentMethod, method, "default_payment_method").customer != customer.id:
        raise RefusedError(
            "The payment method must be attached to the customer.", param="default_payment_method"
        )
    tax = params.get("automatic_tax", {}).get("enabled", invoice.automatic_tax.enabled)
    for line in invoice.lines.data if tax else []:
        if item := billed_items.item_of(account, line):
            billed_items.check_taxable(account, item)
    if "default_tax_rates" in params:
        invoice.default_tax_rates = rates(account, params["default_tax_rates"], "default_tax_rates")
    if "discounts" in params:
        invoice.discounts = discounts.redeem(account, params["discounts"] or [], invoice)
    if tax != invoice.automatic_tax.enabled:
        invoice.automatic_tax = make(Invoice.AutomaticTax, **taxes.automatic(enabled=tax))
    invoice.default_payment_method = method or invoice.default_payment_method
    invoice.description = params.get("description", invoice.description) or None
    invoice.footer = params.get("footer", invoice.footer) or None
    invoice.metadata = metadata(params.get("metadata"), invoice.metadata)


@routes.post("/v1/invoices/{invoice}", InvoiceUpdateParams)
def update(account: Account, params: InvoiceUpdateParams, invoice: str) -> Invoice:
    """Update an invoice, of which only a draft's amounts change; a draft can be held.

    See docs.stripe.com/api/invoices/update.
    """
    known = account.get(Invoice, invoice)
    if known.status != "draft" and (refused := params.keys() & OF_DRAFTS):
        raise RefusedError(
            f"Finalized invoices can't be updated in this way: {min(refused)}.",
            code="invoice_not_editable",
            param=min(refused),
        )
    scheduling.check(account, known, params)
    with account.changing("invoice.updated", known):
        if params.keys() & {"collection_method", "days_until_due", "due_date"}:
            drafts.set_collection(known, params)
        _settle(account, account.get(Customer, str(known.customer)), known, params)
        scheduling.schedule(account, known, params)
        if known.status == "draft":
            drafts.total(account, known)
    return known


@routes.delete("/v1/invoices/{invoice}", InvoiceDeleteParams)
def delete(account: Account, _params: InvoiceDeleteParams, invoice: str) -> Invoice:
    """Delete a draft that no subscription made (docs.stripe.com/api/invoices/delete)."""
    known = account.get(Invoice, invoice)
    if known.status != "draft" or drafts.subscription_of(account, known):
        raise RefusedError(
            "You can only delete draft invoices that no subscription made.", code="invoice_not_editable"
        )
    for item in list(account.all(InvoiceItem)):
        if item.invoice == known.id:
            account.forget(item)
            account.emit("invoiceitem.deleted", item)
    account.forget(known)
    account.emit("invoice.deleted", known)
    return deleted(Invoice, invoice)
