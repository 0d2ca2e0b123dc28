"""Invoice items: one-off charges waiting for an invoice (docs.stripe.com/api/invoiceitems)."""

from decimal import Decimal

from stripe import Invoice, InvoiceItem, InvoiceLineItem, ListObject, Price, Subscription
from stripe.params import (
    InvoiceItemCreateParams,
    InvoiceItemDeleteParams,
    InvoiceItemListParams,
    InvoiceItemRetrieveParams,
)

from infra.stripe_standin.account.shapes import deleted, listing, make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.customers import customers
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import drafts, invoice_lines
from infra.stripe_standin.products.prices import cents, unit_amount
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
    if invoice and invoice.status != "draft":
        raise RefusedError("Only a draft takes invoice items.", code="invoice_not_editable", param="invoice")
    subscription = params.get("subscription")
    if subscription and account.get(Subscription, subscription, "subscription").customer != customer.id:
        raise RefusedError("The subscription belongs to another customer.", param="subscription")
    now = account.now(customer.test_clock)
    price, quantity, amount = _worth(account, params)
    item = make(
        InvoiceItem,
        id=new_id("ii"),
        amount=amount,
        currency=price.currency if price else params.get("currency", "usd").lower(),
        customer=customer.id,
        date=now,
        description=params.get("description"),
        discountable=params.get("discountable", amount >= 0),
        discounts=[],
        invoice=invoice.id if invoice else None,
        metadata=metadata(params.get("metadata")),
        net_amount=amount,
        parent={"type": "subscription_details", "subscription_details": {"subscription": subscription}}
        if subscription
        else None,
        period=dict(params.get("period", {"start": now, "end": now})),
        pricing=invoice_lines.pricing(price) if price else None,
        proration=False,
        quantity=int(quantity),
        quantity_decimal=quantity,
        tax_rates=[],
        test_clock=customer.test_clock,
    )
    account.keep(item)
    if invoice:
        line = invoice_lines.from_item(item)
        line.invoice = invoice.id
        invoice.lines = listing([*invoice.lines.data, line], str(invoice.lines.url))
        drafts.total(account, invoice)
    account.emit("invoiceitem.created", item)
    return item


def _worth(account: Account, params: InvoiceItemCreateParams) -> tuple[Price | None, Decimal, int]:
    """The price, quantity and cents of an item given by amount, unit amount or one-time price."""
    quantity = params.get("quantity_decimal", Decimal(params.get("quantity", 1)))
    if "pricing" in params:
        price = account.get(Price, params["pricing"].get("price", ""), "pricing[price]")
        if price.recurring:
            raise RefusedError(
                "The price specified is set to `type=recurring`; invoice items take one-time prices.",
                param="pricing[price]",
            )
        return price, quantity, cents(quantity * unit_amount(price))
    if "unit_amount_decimal" in params:
        return None, quantity, cents(quantity * params["unit_amount_decimal"])
    if "amount" not in params:
        raise RefusedError("Missing required param: amount.", code="parameter_missing", param="amount")
    if "quantity" in params:
        raise RefusedError(
            "You may only specify one of these parameters: amount, quantity.", param="quantity"
        )
    return None, quantity, params["amount"]


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
    """Delete an item that is on no invoice yet (docs.stripe.com/api/invoiceitems/delete)."""
    known = account.get(InvoiceItem, item)
    if known.invoice:
        raise RefusedError("The invoice item is on an invoice already.", code="invoice_not_editable")
    account.forget(known)
    account.emit("invoiceitem.deleted", known)
    return deleted(InvoiceItem, item)


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
