"""Taxes on an invoice's lines: by rates that somebody wrote down, or by Stripe's own reckoning.

See docs.stripe.com/billing/taxes/tax-rates and docs.stripe.com/tax/invoicing. An account that is registered
nowhere, as this one, collects nothing by automatic tax.
"""

from decimal import Decimal

from stripe import Customer, Invoice, InvoiceItem, InvoiceLineItem, PaymentMethod, Subscription, TaxRate

from infra.stripe_standin.account.shapes import make
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.products.prices import cents

# docs.stripe.com/tax/customer-locations: elsewhere the country is enough.
NEEDED = {"US": ("postal_code",), "CA": ("postal_code", "state")}


def automatic(*, enabled: bool) -> dict[str, object]:
    """What an invoice or a subscription says of automatic tax; its `status` is an invoice's alone."""
    return {"enabled": enabled, "liability": {"type": "self"} if enabled else None}


def apply(account: Account, invoice: Invoice) -> tuple[int, int]:
    """Tax each line, after its discounts; returns the cents on top of the lines, and those within them.

    *Unverified* that each line is rounded by itself, and halves up.
    """
    totals: dict[str, Invoice.TotalTax] = {}
    added = contained = 0
    for line in invoice.lines.data:
        line.taxes = []
        taxable = line.amount - sum(cut.amount for cut in line.discount_amounts or [])
        for rate in _rates_of(account, invoice, line):
            share = Decimal(str(rate.percentage)) / 100
            amount = cents(taxable * share / (1 + share) if rate.inclusive else taxable * share)
            contained += amount if rate.inclusive else 0
            added += 0 if rate.inclusive else amount
            base = taxable - amount if rate.inclusive else taxable
            line.taxes.append(make(InvoiceLineItem.Tax, **_fields(rate, amount, base)))
            total = totals.setdefault(rate.id, make(Invoice.TotalTax, **_fields(rate, 0, 0)))
            total.amount += amount
            total.taxable_amount = (total.taxable_amount or 0) + base
    invoice.total_taxes = list(totals.values())
    if invoice.automatic_tax.enabled:
        invoice.automatic_tax.status = (
            "complete" if is_located(account, invoice) else "requires_location_inputs"
        )
    return added, contained


def _fields(rate: TaxRate, amount: int, taxable: int) -> dict[str, object]:
    return {
        "amount": amount,
        "tax_behavior": "inclusive" if rate.inclusive else "exclusive",
        "tax_rate_details": {"tax_rate": rate.id},
        "taxability_reason": "not_available",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


def _rates_of(account: Account, invoice: Invoice, line: InvoiceLineItem) -> list[TaxRate]:
    """A line's own rates, else the invoice's defaults (docs.stripe.com/api/invoices/object)."""
    details = line.parent.invoice_item_details if line.parent else None
    item = account.find(InvoiceItem, details.invoice_item) if details else None
    return (item.tax_rates if item else None) or invoice.default_tax_rates


def check_item(amount: int, tax_behavior: str, rates: list[TaxRate], at: str) -> None:
    """Whether an item can go onto an invoice with automatic tax.

    See docs.stripe.com/api/invoices/object#invoice_object-automatic_tax-enabled.

    Raises:
        RefusedError: It has rates of its own, is negative, or does not say whether it includes taxes.
    """
    reason = None
    if tax_behavior not in ("inclusive", "exclusive"):
        reason = "with `tax_behavior=unspecified`"
    elif rates:
        reason = "with manually specified tax rates"
    elif amount < 0:
        reason = "with negative amounts"
    if reason:
        raise RefusedError(
            f"Invoice items {reason} cannot be added to invoices with automatic tax.", param=at or None
        )


def is_located(account: Account, billed: Invoice | Subscription) -> bool:
    """Whether Stripe knows well enough where the customer is: by their address, or by their card's.

    See docs.stripe.com/tax/customer-locations.
    """
    customer = account.get(Customer, str(billed.customer))
    settings = customer.invoice_settings
    method = billed.default_payment_method or (settings.default_payment_method if settings else None)
    known = account.find(PaymentMethod, str(method))
    address = customer.address or (known.billing_details.address if known else None)
    if address is None or not address.country:
        return False
    needed = NEEDED.get(address.country)
    return needed is None or any(address[name] for name in needed)


def unlocated() -> RefusedError:
    """Stripe cannot tell where the customer is (docs.stripe.com/error-codes)."""
    return RefusedError(
        "The customer's location isn't recognized. Set a valid customer address in order to automatically "
        "calculate tax.",
        code="customer_tax_location_invalid",
    )
