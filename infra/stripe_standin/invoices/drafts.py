"""How an invoice comes to be, written down and summed up (docs.stripe.com/invoicing/overview)."""

from collections.abc import Iterable, Mapping
from typing import Any

from stripe import Coupon, Customer, Discount, Invoice, InvoiceLineItem, Subscription

from infra.stripe_standin.account.shapes import listing, make, metadata, new_id, reference
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import taxes
from infra.stripe_standin.products import discounts

HOUR = 3600
SMALLEST = {"gbp": 30, "dkk": 250, "nok": 300, "sek": 300, "mxn": 1000}


def draft(
    account: Account,
    customer: Customer,
    lines: Iterable[InvoiceLineItem],
    *,
    reason: str,
    subscription: Subscription | None = None,
    period: tuple[int, int] | None = None,
    auto_advance: bool = True,
) -> Invoice:
    """Open a draft; unless told otherwise it finalises by itself in one hour.

    Stripe counts the hour from the last successful `invoice.created` delivery; the stand-in counts from the
    draft's creation, and puts it off by the hour while a delivery fails (`scheduling.put_off`).

    Args:
        account: The account.
        customer: Who pays.
        lines: What for.
        reason: Stripe's `billing_reason`.
        subscription: The subscription it bills.
        period: The time it looks back on, in seconds; the present instant if not given.
        auto_advance: Whether Stripe finalises and collects it by itself.
    """
    invoice = compose(account, customer, lines, reason=reason, subscription=subscription, period=period)
    paused = subscription.pause_collection if subscription else None
    advances = auto_advance and not (paused and paused.behavior == "keep_as_draft")
    if paused and paused.behavior != "keep_as_draft":
        account.given_up[invoice.id] = paused.behavior
    invoice.auto_advance = advances
    invoice.automatically_finalizes_at = invoice.created + HOUR if advances else None
    account.keep(invoice)
    account.emit("invoice.created", invoice)
    return invoice


def compose(
    account: Account,
    customer: Customer,
    lines: Iterable[InvoiceLineItem],
    *,
    reason: str,
    subscription: Subscription | None = None,
    period: tuple[int, int] | None = None,
) -> Invoice:
    """Write an invoice down without opening it, which is all a preview needs."""
    now = account.now(customer.test_clock)
    identifier = new_id("in")
    start, end = period or (now, now)
    data = list(lines)
    for line in data:
        line.invoice = identifier
        line.subscription = subscription.id if subscription else None
    invoice = make(
        Invoice,
        id=identifier,
        account_country="US",
        account_name="Stand-in",
        amount_due=0,
        amount_overpaid=0,
        amount_paid=0,
        amount_remaining=0,
        amount_shipping=0,
        attempt_count=0,
        attempted=False,
        auto_advance=False,
        automatic_tax=taxes.automatic(
            enabled=subscription is not None and subscription.automatic_tax.enabled
        ),
        billing_reason=reason,
        collection_method="charge_automatically",
        created=now,
        currency=data[0].currency if data else (subscription.currency if subscription else "usd"),
        customer=customer.id,
        customer_address=customer.address.to_dict() if customer.address else None,
        customer_email=customer.email,
        customer_name=customer.name,
        customer_phone=customer.phone,
        customer_tax_exempt="none",
        customer_tax_ids=[dict(each) for each in account.tax_ids.get(customer.id, [])],
        default_tax_rates=list(subscription.default_tax_rates or []) if subscription else [],
        discounts=discounts.inherited(customer, subscription),
        issuer={"type": "self"},
        lines=listing(data, f"/v1/invoices/{identifier}/lines"),
        metadata=metadata(None),
        parent=_parent(subscription) if subscription else None,
        payment_settings={},
        period_end=end,
        period_start=start,
        post_payment_credit_notes_amount=0,
        pre_payment_credit_notes_amount=0,
        starting_balance=customer.balance or 0,
        status="draft",
        status_transitions={},
        subtotal=0,
        test_clock=customer.test_clock,
        total=0,
        total_taxes=[],
    )
    if subscription:
        by = {name: subscription[name] for name in ("collection_method", "days_until_due")}
        set_collection(invoice, by)
    total(account, invoice)
    return invoice


def set_collection(invoice: Invoice, params: Mapping[str, Any]) -> None:
    """How an invoice is to be paid: by card, or by whoever is sent it, until its due date.

    See docs.stripe.com/api/invoices/create#create_invoice-collection_method.

    Raises:
        RefusedError: It is sent, and nobody says until when it is due.
    """
    method = params.get("collection_method", invoice.collection_method)
    due_date = None
    if method == "send_invoice":
        days = params.get("days_until_due")
        due_date = (
            invoice.created + int(days) * 24 * HOUR if days else params.get("due_date", invoice.due_date)
        )
        if due_date is None:
            raise RefusedError(
                "If `collection_method`=`send_invoice`, you must pass one of `due_date` or `days_until_due`.",
                param="days_until_due",
            )
    invoice.collection_method, invoice.due_date = method, due_date


def _parent(subscription: Subscription) -> dict[str, object]:
    return {
        "type": "subscription_details",
        "subscription_details": {
            "metadata": metadata(None, subscription.metadata),
            "subscription": subscription.id,
        },
    }


def total(account: Account, invoice: Invoice) -> None:
    """Sum a draft up: discounts, taxes, then the customer's balance.

    See docs.stripe.com/billing/customer/balance.
    """
    for line in invoice.lines.data:
        line.discount_amounts = []
    redeemed = [account.get(Discount, reference(discount)) for discount in invoice.discounts]
    amounts = [
        make(Invoice.TotalDiscountAmount, amount=_apply(account, discount, invoice), discount=discount.id)
        for discount in redeemed
    ]
    added, contained = taxes.apply(account, invoice)
    invoice.subtotal = sum(line.amount for line in invoice.lines.data)
    invoice.subtotal_excluding_tax = invoice.subtotal - contained
    invoice.total = invoice.subtotal - sum(amount.amount for amount in amounts) + added
    invoice.total_excluding_tax = invoice.total - added - contained
    invoice.total_discount_amounts = amounts
    owed = invoice.total + invoice.starting_balance
    invoice.amount_due = invoice.amount_remaining = 0 if owed < smallest(invoice.currency) else owed


def smallest(currency: str) -> int:
    """The smallest charge, in the currency's smallest unit; less is left on the customer's balance.

    See docs.stripe.com/currencies#minimum-and-maximum-charge-amounts and docs.stripe.com/api/invoices; of
    other currencies the stand-in asks for 50 too.
    """
    return SMALLEST.get(currency, 50)


def _apply(account: Account, discount: Discount, invoice: Invoice) -> int:
    """Take a coupon off every line it covers; returns the cents taken.

    See docs.stripe.com/billing/subscriptions/coupons.
    """
    coupon = account.get(Coupon, reference(discount.source.coupon or ""))
    left = coupon.amount_off or 0
    taken = 0
    for line in invoice.lines.data:
        open_amount = line.amount - sum(cut.amount for cut in line.discount_amounts or [])
        if not line.discountable or open_amount <= 0 or not _covers(coupon, line):
            continue
        cut = round(open_amount * coupon.percent_off / 100) if coupon.percent_off else min(left, open_amount)
        left -= 0 if coupon.percent_off else cut
        taken += cut
        made = make(InvoiceLineItem.DiscountAmount, amount=cut, discount=discount.id)
        line.discount_amounts = [*(line.discount_amounts or []), made]
    return taken


def _covers(coupon: Coupon, line: InvoiceLineItem) -> bool:
    """Whether a coupon is for what a line sells: it may be for some products only."""
    if not coupon.applies_to:
        return True
    details = line.pricing.price_details if line.pricing else None
    return details is not None and details.product in coupon.applies_to.products


def subscription_of(account: Account, invoice: Invoice) -> Subscription | None:
    """The subscription an invoice bills, if it bills one."""
    details = invoice.parent.subscription_details if invoice.parent else None
    return account.find(Subscription, str(details.subscription)) if details else None
