"""The lines of invoices (docs.stripe.com/api/invoice-line-item)."""

from decimal import Decimal

from stripe import InvoiceItem, InvoiceLineItem, Price, Product, Subscription, SubscriptionItem

from infra.stripe_standin.account.shapes import make, metadata, new_id, reference
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.clocks.sandbox_clock import at
from infra.stripe_standin.products.prices import cents, unit_amount


def in_advance(account: Account, subscription: Subscription, item: SubscriptionItem) -> InvoiceLineItem:
    """A licensed item's price for its current period, billed ahead."""
    quantity = Decimal(item.quantity or 1)
    return _of_subscription(
        subscription,
        item,
        quantity,
        usage_text(account, item.price, quantity),
        (item.current_period_start, item.current_period_end),
    )


def of_trial(account: Account, subscription: Subscription, item: SubscriptionItem) -> InvoiceLineItem:
    """The line of 0 that opens a trial (docs.stripe.com/billing/subscriptions/trials)."""
    line = in_advance(account, subscription, item)
    line.description = f"Trial period for {_name(account, item.price)}"
    line.amount = line.subtotal = 0
    return line


def usage_text(account: Account, price: Price, quantity: Decimal) -> str:
    """Stripe's words, a quantity times a name and a price: `(at $0.01 / month)`."""
    return f"{quantity} \N{MULTIPLICATION SIGN} {_name(account, price)} ({_each(price)})"


def from_item(item: InvoiceItem) -> InvoiceLineItem:
    """The line of an invoice item, be it a proration or a one-off (docs.stripe.com/api/invoiceitems)."""
    details = item.parent.subscription_details if item.parent else None
    if details and details.subscription_item:
        parent = {
            "type": "subscription_item_details",
            "subscription_item_details": {
                "invoice_item": item.id,
                "proration": item.proration,
                "subscription": details.subscription,
                "subscription_item": details.subscription_item,
            },
        }
    else:
        parent = {
            "type": "invoice_item_details",
            "invoice_item_details": {
                "invoice_item": item.id,
                "proration": item.proration,
                "subscription": details.subscription if details else None,
            },
        }
    return make(
        InvoiceLineItem,
        id=new_id("il"),
        amount=item.amount,
        currency=item.currency,
        description=item.description,
        discount_amounts=[],
        discountable=item.discountable,
        discounts=[],
        metadata=item.metadata or metadata(None),
        parent=parent,
        period=item.period.to_dict(),
        pretax_credit_amounts=[],
        pricing=item.pricing.to_dict() if item.pricing else None,
        quantity=item.quantity,
        quantity_decimal=item.quantity_decimal,
        subtotal=item.amount,
        taxes=[],
    )


def subscription_item_of(line: InvoiceLineItem) -> str | None:
    """The id of the subscription item behind a line, if there is one."""
    details = line.parent.subscription_item_details if line.parent else None
    return details.subscription_item if details else None


def pricing(price: Price) -> dict[str, object]:
    """How a line or invoice item names its price."""
    return {
        "type": "price_details",
        "price_details": {"price": price.id, "product": reference(price.product)},
        "unit_amount_decimal": price.unit_amount_decimal,
    }


def proration_text(account: Account, price: Price, instant: int, *, unused: bool) -> str:
    """Stripe's words on a proration: `Unused time on Basic after 24 Dec 2026`."""
    day = at(instant)
    return (
        f"{'Unused' if unused else 'Remaining'} time on {_name(account, price)} after {day.day} {day:%b %Y}"
    )


def _of_subscription(
    subscription: Subscription,
    item: SubscriptionItem,
    quantity: Decimal,
    description: str,
    period: tuple[int, int],
) -> InvoiceLineItem:
    amount = cents(quantity * unit_amount(item.price))
    return make(
        InvoiceLineItem,
        id=new_id("il"),
        amount=amount,
        currency=item.price.currency,
        description=description,
        discount_amounts=[],
        discountable=True,
        discounts=[],
        metadata=metadata(None, subscription.metadata),
        parent={
            "type": "subscription_item_details",
            "subscription_item_details": {
                "proration": False,
                "subscription": subscription.id,
                "subscription_item": item.id,
            },
        },
        period={"start": period[0], "end": period[1]},
        pretax_credit_amounts=[],
        pricing=pricing(item.price),
        quantity=int(quantity),
        quantity_decimal=quantity,
        subtotal=amount,
        taxes=[],
    )


def _name(account: Account, price: Price) -> str:
    return account.get(Product, reference(price.product)).name


def _each(price: Price) -> str:
    amount = unit_amount(price) / 100
    rounded = amount.quantize(Decimal("0.01"))
    exact = rounded if rounded == amount else amount  # $99.00, but $0.005 in full
    each = f"at ${exact:f}" if price.currency == "usd" else f"at {exact:f} {price.currency.upper()}"
    return f"{each} / {price.recurring.interval}" if price.recurring else each
