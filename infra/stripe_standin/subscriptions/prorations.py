"""What a change within a period gives back and charges (docs.stripe.com/billing/subscriptions/prorations)."""

from decimal import Decimal

from stripe import Invoice, InvoiceItem, Subscription, SubscriptionItem

from infra.stripe_standin.account.shapes import make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.invoices import collection, drafts, invoice_items, invoice_lines
from infra.stripe_standin.invoices.invoice_lines import subscription_item_of
from infra.stripe_standin.products.prices import cents, unit_amount


def prorate(
    account: Account, subscription: Subscription, after: list[SubscriptionItem], instant: int
) -> list[InvoiceItem]:
    """The invoice items of a change of items at `instant`, not kept yet.

    An item gives back the unexpired share of what was really debited for it and charges the same share of
    its new price, as flexible billing mode does (docs.stripe.com/billing/subscriptions/billing-mode/compare).
    A trial has debited nothing and bills nothing.
    """
    if subscription.status == "trialing":
        return []
    kept = {item.id: item for item in after}
    known = {item.id for item in subscription.items.data}
    changed = [item for item in subscription.items.data if not _same(item, kept.get(item.id))]
    given_back = [_credit(account, subscription, item, instant) for item in changed]
    replaced = {item.id for item in changed}
    charged = [
        _debit(account, subscription, item, instant)
        for item in after
        if item.id in replaced or item.id not in known
    ]
    return [item for item in [*given_back, *charged] if item.amount]


def _same(before: SubscriptionItem, after: SubscriptionItem | None) -> bool:
    return after is not None and (before.price.id, before.quantity) == (after.price.id, after.quantity)


def _credit(
    account: Account, subscription: Subscription, item: SubscriptionItem, instant: int
) -> InvoiceItem:
    amount = cents(-_unexpired(account, subscription, item.id, instant))
    text = invoice_lines.proration_text(account, item.price, instant, unused=True)
    return _item(subscription, item, amount, text, instant, Decimal(item.quantity or 1))


def _debit(account: Account, subscription: Subscription, item: SubscriptionItem, instant: int) -> InvoiceItem:
    start, end = item.current_period_start, item.current_period_end
    quantity = Decimal(item.quantity or 1)
    amount = cents(quantity * unit_amount(item.price) * (end - instant) / (end - start))
    text = invoice_lines.proration_text(account, item.price, instant, unused=False)
    return _item(subscription, item, amount, text, instant, quantity)


def _unexpired(account: Account, subscription: Subscription, item: str, instant: int) -> Decimal:
    """The share, still to come at `instant`, of all that was debited and credited for one item; in cents."""
    billed = [
        (line.amount, line.period.start, line.period.end)
        for invoice in account.all(Invoice)
        if invoice.status in ("draft", "open", "paid") and _counts(account, invoice, subscription)
        for line in invoice.lines.data
        if subscription_item_of(line) == item
    ]
    pending = [
        (known.amount, known.period.start, known.period.end)
        for known in invoice_items.pending_items(
            account, str(subscription.customer), subscription.id, subscription.currency
        )
        if known.parent and known.parent.subscription_details
        if known.parent.subscription_details.subscription_item == item
    ]
    return sum(
        (
            Decimal(amount) * (end - instant) / (end - start)
            for amount, start, end in [*billed, *pending]
            if start <= instant < end
        ),
        Decimal(0),
    )


def _counts(account: Account, invoice: Invoice, subscription: Subscription) -> bool:
    """What a pending update would charge has not been debited yet."""
    held_back = collection.is_of_pending_update(account, invoice, subscription)
    return drafts.subscription_of(account, invoice) is subscription and not held_back


def _item(
    subscription: Subscription,
    item: SubscriptionItem,
    amount: int,
    description: str,
    instant: int,
    quantity: Decimal,
) -> InvoiceItem:
    return make(
        InvoiceItem,
        id=new_id("ii"),
        amount=amount,
        currency=item.price.currency,
        customer=str(subscription.customer),
        date=instant,
        description=description,
        discountable=False,
        discounts=[],
        metadata=metadata(None),
        net_amount=amount,
        parent={
            "type": "subscription_details",
            "subscription_details": {"subscription": subscription.id, "subscription_item": item.id},
        },
        period={"start": instant, "end": item.current_period_end},
        pricing=invoice_lines.pricing(item.price),
        proration=True,
        quantity=int(quantity),
        quantity_decimal=quantity,
        tax_rates=[],
        test_clock=subscription.test_clock,
    )
