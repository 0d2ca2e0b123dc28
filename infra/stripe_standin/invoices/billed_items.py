"""Invoice items as they go onto drafts, change there, and leave them (docs.stripe.com/api/invoiceitems)."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from stripe import Customer, Invoice, InvoiceItem, InvoiceLineItem, Price, Product

from infra.stripe_standin.account.shapes import make, metadata, new_id, reference
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.invoices import drafts, invoice_lines, taxes
from infra.stripe_standin.invoices.item_worth import PRICED_BY, Worth, inside, worth
from infra.stripe_standin.products.tax_rates import rates

# docs.stripe.com/changelog/2016-02-22/no-more-than-250-invoice-items
MOST_ITEMS = 250
WORTH = {*PRICED_BY, "quantity", "quantity_decimal"}


def check_editable(invoice: Invoice) -> None:
    """Whether an invoice's lines can change.

    Raises:
        RefusedError: It is no draft (docs.stripe.com/error-codes#invoice-not-editable).
    """
    if invoice.status != "draft":
        raise RefusedError(
            "The specified invoice can no longer be edited: only drafts take and lose lines.",
            code="invoice_not_editable",
            param="invoice",
        )


def new(
    account: Account,
    customer: Customer,
    given: Mapping[str, Any],
    invoice: Invoice | None,
    *,
    at: str = "",
    keep: bool = True,
) -> InvoiceItem:
    """Make an item, for an invoice or for later (docs.stripe.com/api/invoiceitems/create).

    Args:
        account: The account.
        customer: Who pays.
        given: The parameters that invoice items and the lines of bulk calls share.
        invoice: The draft it goes onto, which decides the currency.
        at: Where the parameters stand in the request.
        keep: Whether it lasts; otherwise it is for a preview.
    """
    for name in ("discounts", "tax_amounts"):
        if given.get(name):
            raise lacking(f"{name} of invoice items")
    now = account.now(customer.test_clock)
    currency = invoice.currency if invoice else given.get("currency")
    found = worth(account, given, currency.lower() if currency else None, at, keep=keep)
    own_rates = rates(account, given.get("tax_rates"), inside(at, "tax_rates"))
    if invoice and invoice.automatic_tax.enabled:
        taxes.check_item(found.amount, found.tax_behavior, own_rates, at)
    description = given.get("description")
    if description is None and found.price:
        description = account.get(Product, reference(found.price.product)).name
    return make(
        InvoiceItem,
        id=new_id("ii"),
        amount=found.amount,
        currency=found.currency,
        customer=customer.id,
        date=now,
        description=description,
        discountable=given.get("discountable", found.amount >= 0),
        discounts=[],
        metadata=metadata(given.get("metadata")),
        net_amount=found.amount,
        period=_period(given.get("period", {"start": now, "end": now}), at),
        pricing=invoice_lines.pricing(found.price) if found.price else None,
        proration=False,
        quantity=int(found.quantity),
        quantity_decimal=found.quantity,
        tax_rates=own_rates,
        test_clock=customer.test_clock,
    )


def _period(given: Mapping[str, int], at: str) -> dict[str, int]:
    if given["end"] < given["start"]:
        raise RefusedError("The period must not end before it starts.", param=inside(at, "period"))
    return dict(given)


def check_taxable(account: Account, item: InvoiceItem) -> None:
    """Whether an item that exists can be on an invoice with automatic tax.

    Raises:
        RefusedError: It cannot; see `taxes.check_item`.
    """
    details = item.pricing.price_details if item.pricing else None
    price = account.find(Price, str(details.price)) if details else None
    behavior = price.tax_behavior if price else None
    taxes.check_item(item.amount, behavior or "unspecified", item.tax_rates or [], "")


def put_on(account: Account, invoice: Invoice, items: Iterable[InvoiceItem]) -> None:
    """Write items as lines of a draft, and tell of those that are new.

    Raises:
        RefusedError: The invoice has 250 items.
    """
    wanted = list(items)
    there = [item for item in account.all(InvoiceItem) if item.invoice == invoice.id]
    if len(there) + len(wanted) > MOST_ITEMS:
        raise RefusedError(f"An invoice takes {MOST_ITEMS} invoice items at most.", param="lines")
    known = [item for item in wanted if account.find(InvoiceItem, item.id)]
    for item in known if invoice.automatic_tax.enabled else []:
        check_taxable(account, item)
    with account.changing("invoice.updated", invoice):
        for item in wanted:
            item.invoice = invoice.id
            line = invoice_lines.from_item(item)
            line.invoice = invoice.id
            line.subscription = reference_of_subscription(invoice)
            invoice.lines.data = [*invoice.lines.data, line]
            if item not in known:
                account.emit("invoiceitem.created", account.keep(item))
        drafts.total(account, invoice)


def reference_of_subscription(invoice: Invoice) -> str | None:
    """The id of the subscription that an invoice bills."""
    details = invoice.parent.subscription_details if invoice.parent else None
    return reference(details.subscription) if details else None


def take_off(account: Account, invoice: Invoice, item: InvoiceItem, *, deleted: bool) -> None:
    """Remove an item's line from a draft; the item is deleted, or waits for some other invoice.

    See docs.stripe.com/api/invoices/remove_lines.
    """
    with account.changing("invoice.updated", invoice):
        invoice.lines.data = [line for line in invoice.lines.data if item_of(account, line) is not item]
        item.invoice = None
        drafts.total(account, invoice)
        if deleted:
            account.forget(item)
            account.emit("invoiceitem.deleted", item)


def item_of(account: Account, line: InvoiceLineItem) -> InvoiceItem | None:
    """The invoice item behind a line, if it is not one of a subscription item."""
    parent = line.parent
    details = parent and (parent.invoice_item_details or parent.subscription_item_details)
    return account.find(InvoiceItem, details.invoice_item) if details else None


def revise(
    account: Account, item: InvoiceItem, given: Mapping[str, Any], invoice: Invoice | None, *, at: str = ""
) -> None:
    """Change an item, and its line if it is on a draft (docs.stripe.com/api/invoiceitems/update)."""
    if given.keys() & WORTH:
        _reprice(item, _weighed_again(account, item, given, at))
    item.description = given.get("description", item.description)
    item.discountable = given.get("discountable", item.discountable)
    item.metadata = metadata(given.get("metadata"), item.metadata)
    if "period" in given:
        item.period.start, item.period.end = _period(given["period"], at).values()
    if "tax_rates" in given:
        item.tax_rates = rates(account, given["tax_rates"], inside(at, "tax_rates"))
    if invoice:
        invoice.lines.data = [_rewritten(account, line, item) for line in invoice.lines.data]
        drafts.total(account, invoice)


def _rewritten(account: Account, line: InvoiceLineItem, item: InvoiceItem) -> InvoiceLineItem:
    """A line as it is after a change of an item, which may be behind it."""
    if item_of(account, line) is not item:
        return line
    fresh = invoice_lines.from_item(item)
    fresh.id, fresh.invoice, fresh.subscription = line.id, line.invoice, line.subscription
    return fresh


def _weighed_again(account: Account, item: InvoiceItem, given: Mapping[str, Any], at: str) -> Worth:
    """What an item comes to after a change of its price or quantity; what is not given stays."""
    whole: dict[str, Any] = {name: given[name] for name in WORTH if name in given}
    details = item.pricing.price_details if item.pricing else None
    present = account.find(Price, str(details.price)) if details else None
    if whole.keys() & set(PRICED_BY):
        present = None
    elif present is None:
        whole["unit_amount_decimal"] = Decimal(item.amount) / (item.quantity_decimal or 1)
    if not whole.keys() & {"quantity", "quantity_decimal", "amount"}:
        whole["quantity_decimal"] = item.quantity_decimal
    return worth(account, whole, item.currency, at, present=present)


def _reprice(item: InvoiceItem, found: Worth) -> None:
    item.amount = item.net_amount = found.amount
    item.quantity, item.quantity_decimal = int(found.quantity), found.quantity
    item.pricing = make(InvoiceItem.Pricing, **invoice_lines.pricing(found.price)) if found.price else None
