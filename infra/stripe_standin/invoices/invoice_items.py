"""Invoice items: one-off charges waiting for an invoice (docs.stripe.com/api/invoiceitems)."""

from stripe import Invoice, InvoiceItem, InvoiceLineItem, ListObject, Subscription
from stripe.params import (
    InvoiceItemCreateParams,
    InvoiceItemDeleteParams,
    InvoiceItemListParams,
    InvoiceItemRetrieveParams,
    InvoiceItemUpdateParams,
)

from infra.stripe_standin.account.shapes import deleted, make
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.customers import customers
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import billed_items, invoice_lines
from infra.stripe_standin.server.lists import matching, outside_clocks, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()


@routes.post("/v1/invoiceitems", InvoiceItemCreateParams)
def create(account: Account, params: InvoiceItemCreateParams) -> InvoiceItem:
    """Create an item for a draft, or for the next invoice (docs.stripe.com/api/invoiceitems/create)."""
    if "customer" not in params:
        raise RefusedError("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = customers.living(account, params["customer"])
    invoice = account.get(Invoice, params["invoice"], "invoice") if "invoice" in params else None
    if invoice:
        billed_items.check_editable(invoice)
    subscription = params.get("subscription")
    if subscription and account.get(Subscription, subscription, "subscription").customer != customer.id:
        raise RefusedError("The subscription belongs to another customer.", param="subscription")
    item = billed_items.new(account, customer, params, invoice)
    if subscription:
        parent = {"type": "subscription_details", "subscription_details": {"subscription": subscription}}
        item.parent = make(InvoiceItem.Parent, **parent)
    if invoice:
        billed_items.put_on(account, invoice, [item])
    else:
        account.emit("invoiceitem.created", account.keep(item))
    return item


@routes.post("/v1/invoiceitems/{item}", InvoiceItemUpdateParams)
def update(account: Account, params: InvoiceItemUpdateParams, item: str) -> InvoiceItem:
    """Change an item that is pending or on a draft (docs.stripe.com/api/invoiceitems/update)."""
    known = account.get(InvoiceItem, item)
    invoice = _draft_of(account, known)
    billed_items.revise(account, known, params, invoice)
    return known


@routes.get("/v1/invoiceitems", InvoiceItemListParams)
def listed(account: Account, params: InvoiceItemListParams) -> ListObject[InvoiceItem]:
    """List invoice items (docs.stripe.com/api/invoiceitems/list)."""
    found = matching(account.all(InvoiceItem), params, "customer", "invoice")
    found = outside_clocks(found, params, "customer", "invoice")
    if "pending" in params:
        found = [item for item in found if (item.invoice is None) is params["pending"]]
    return page(found, params, "/v1/invoiceitems")


@routes.get("/v1/invoiceitems/{item}", InvoiceItemRetrieveParams)
def retrieve(account: Account, _params: InvoiceItemRetrieveParams, item: str) -> InvoiceItem:
    """Retrieve an invoice item (docs.stripe.com/api/invoiceitems/retrieve)."""
    return account.get(InvoiceItem, item)


@routes.delete("/v1/invoiceitems/{item}", InvoiceItemDeleteParams)
def delete(account: Account, _params: InvoiceItemDeleteParams, item: str) -> InvoiceItem:
    """Delete an item that is pending or on a draft (docs.stripe.com/api/invoiceitems/delete)."""
    known = account.get(InvoiceItem, item)
    if invoice := _draft_of(account, known):
        billed_items.take_off(account, invoice, known, deleted=True)
    else:
        account.forget(known)
        account.emit("invoiceitem.deleted", known)
    return deleted(InvoiceItem, item)


def _draft_of(account: Account, item: InvoiceItem) -> Invoice | None:
    """The draft that an item is on, if it is on one.

    Raises:
        RefusedError: The invoice is final.
    """
    invoice = account.get(Invoice, str(item.invoice)) if item.invoice else None
    if invoice:
        billed_items.check_editable(invoice)
    return invoice


def take_pending_items(
    account: Account, customer: str, subscription: str | None, currency: str
) -> list[InvoiceLineItem]:
    """Write the pending invoice items as lines; once on an invoice, `bind_items` closes them."""
    return [
        invoice_lines.from_item(item) for item in pending_items(account, customer, subscription, currency)
    ]


def pending_items(
    account: Account, customer: str, subscription: str | None, currency: str
) -> list[InvoiceItem]:
    """A customer's invoice items on no invoice yet, oldest first: those of the subscription or of none."""
    return [
        item
        for item in reversed(list(account.all(InvoiceItem)))
        if item.customer == customer
        and item.invoice is None
        and item.currency == currency
        and _subscription_of_item(item) in (None, subscription)
    ]


def bind_items(account: Account, invoice: Invoice) -> None:
    """Mark the invoice items behind an invoice's lines as being on it."""
    for line in invoice.lines.data:
        parent = line.parent
        details = parent and (parent.subscription_item_details or parent.invoice_item_details)
        if details and (item := account.find(InvoiceItem, details.invoice_item)):
            item.invoice = invoice.id


def _subscription_of_item(item: InvoiceItem) -> str | None:
    details = item.parent.subscription_details if item.parent else None
    return details.subscription if details else None
