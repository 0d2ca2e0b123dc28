"""Collecting an invoice, and what its payment means for the subscription.

See docs.stripe.com/billing/subscriptions/overview.
"""

from stripe import Customer, Invoice, InvoicePayment, PaymentIntent, PaymentMethod, Subscription

from infra.stripe_standin.account.shapes import make, metadata, new_id, reference
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.customers import cards, payment_methods
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices.drafts import subscription_of
from infra.stripe_standin.subscriptions import subscription_status
from infra.stripe_standin.subscriptions.periods import DAY


def collect(account: Account, invoice: Invoice, method: str | None = None) -> RefusedError | None:
    """Try to have an open invoice paid by card.

    Args:
        account: The account.
        invoice: An open invoice; nothing due is paid without a card.
        method: The card to use instead of the default one.

    Returns:
        Why the bank refused, or `None` if the invoice is now paid.
    """
    if invoice.amount_due == 0:
        _mark_paid(account, invoice, paid=0)
        return None
    now = account.now(invoice.test_clock)
    payment, intent = _payment(account, invoice)
    found = account.find(PaymentMethod, method or default_method(account, invoice))
    invoice.attempted = True
    invoice.attempt_count += 1
    refusal = _refusal(found, now)
    if refusal:
        _note_failure(intent, refusal, found)
        _schedule_retry(account, invoice)
        account.emit("invoice.payment_failed", invoice)
        _after_failure(account, invoice)
        return refusal
    intent.status = "succeeded"
    intent.amount_received = intent.amount
    intent.payment_method = found.id if found else None
    intent.last_payment_error = None
    payment.status, payment.amount_paid, payment.status_transitions.paid_at = "paid", invoice.amount_due, now
    _mark_paid(account, invoice, paid=invoice.amount_due)
    return None


def refusal_of(account: Account, subscription: Subscription) -> RefusedError | None:
    """Whether the subscription's card would be refused now, asked before anything changes."""
    method = subscription.default_payment_method or _customer_default(account, str(subscription.customer))
    return _refusal(account.find(PaymentMethod, str(method)), account.now(subscription.test_clock))


def has_method(account: Account, subscription: Subscription) -> bool:
    """Whether there is any card that invoices of the subscription could charge."""
    return bool(subscription.default_payment_method or _customer_default(account, str(subscription.customer)))


def default_method(account: Account, invoice: Invoice) -> str | None:
    """The invoice's card, else the subscription's, else the customer's.

    See docs.stripe.com/billing/subscriptions/payment-methods-setting.
    """
    subscription = subscription_of(account, invoice)
    of_subscription = subscription.default_payment_method if subscription else None
    method = (
        invoice.default_payment_method or of_subscription or _customer_default(account, str(invoice.customer))
    )
    return reference(method) if method else None


def _customer_default(account: Account, customer: str) -> str | None:
    settings = account.get(Customer, customer).invoice_settings
    return (
        reference(settings.default_payment_method) if settings and settings.default_payment_method else None
    )


def _refusal(method: PaymentMethod | None, now: int) -> RefusedError | None:
    if method is None:
        return RefusedError(
            "There is no default_payment_method set on this Customer or Invoice.",
            code="invoice_payment_intent_requires_action",
        )
    try:
        cards.check(method, attaching=False, now=now)
    except RefusedError as refusal:
        return refusal
    return None


def _payment(account: Account, invoice: Invoice) -> tuple[InvoicePayment, PaymentIntent]:
    """The invoice's one payment and its intent, opened at the first attempt.

    See docs.stripe.com/api/invoice-payment.
    """
    for payment in account.all(InvoicePayment):
        if payment.invoice == invoice.id:
            return payment, account.get(PaymentIntent, str(payment.payment.payment_intent))
    now = account.now(invoice.test_clock)
    intent = account.keep(
        make(
            PaymentIntent,
            id=new_id("pi"),
            amount=invoice.amount_due,
            amount_capturable=0,
            amount_received=0,
            capture_method="automatic",
            confirmation_method="automatic",
            created=now,
            currency=invoice.currency,
            customer=str(invoice.customer),
            metadata=metadata(None),
            payment_method_types=list(payment_methods.TYPES),
            status="requires_payment_method",
        )
    )
    payment = make(
        InvoicePayment,
        id=new_id("inpay"),
        amount_requested=invoice.amount_due,
        created=now,
        currency=invoice.currency,
        invoice=invoice.id,
        is_default=True,
        payment={"type": "payment_intent", "payment_intent": intent.id},
        status="open",
        status_transitions={},
    )
    return account.keep(payment), intent


def _note_failure(intent: PaymentIntent, refusal: RefusedError, method: PaymentMethod | None) -> None:
    intent.status = "requires_payment_method"
    intent.last_payment_error = make(
        PaymentIntent.LastPaymentError,
        type=refusal.kind,
        code=refusal.code,
        decline_code=refusal.decline_code,
        message=refusal.message,
        payment_method=method,
    )


def _mark_paid(account: Account, invoice: Invoice, *, paid: int) -> None:
    subscription = subscription_of(account, invoice)
    awaited = subscription is not None and is_of_pending_update(account, invoice, subscription)
    invoice.status = "paid"
    invoice.attempted = True
    invoice.auto_advance = False
    invoice.next_payment_attempt = None
    invoice.amount_paid, invoice.amount_remaining = paid, 0
    invoice.status_transitions.paid_at = account.now(invoice.test_clock)
    account.emit("invoice.paid", invoice)
    account.emit("invoice.payment_succeeded", invoice)
    if subscription is None or subscription.ended_at:
        return
    with account.changing("customer.subscription.updated", subscription):
        if awaited:
            _apply_pending_update(account, subscription)
        if subscription.status in ("incomplete", "past_due", "unpaid") and not _owes(account, subscription):
            subscription.status = "active"


def is_of_pending_update(account: Account, invoice: Invoice, subscription: Subscription) -> bool:
    """Whether paying this open invoice makes the subscription's pending update take effect."""
    return (
        subscription.pending_update is not None
        and (invoice.status, invoice.billing_reason) == ("open", "subscription_update")
        and subscription_of(account, invoice) is subscription
    )


def _apply_pending_update(account: Account, subscription: Subscription) -> None:
    """The paid-for update takes effect (docs.stripe.com/billing/subscriptions/pending-updates)."""
    update = subscription.pending_update
    if update and update.subscription_items is not None:
        present = subscription.items.data[0]
        for item in update.subscription_items:
            item.current_period_start = present.current_period_start
            item.current_period_end = present.current_period_end
        subscription.items.data = update.subscription_items
    if update and update.metadata is not None:
        subscription.metadata = metadata(update.metadata.to_dict(), subscription.metadata)
    subscription.pending_update = None
    account.emit("customer.subscription.pending_update_applied", subscription)


def _owes(account: Account, subscription: Subscription) -> bool:
    return any(
        invoice.status == "open" and subscription_of(account, invoice) is subscription
        for invoice in account.all(Invoice)
    )


def _schedule_retry(account: Account, invoice: Invoice) -> None:
    """Retries come a few days apart; a first invoice has none.

    See docs.stripe.com/billing/revenue-recovery/smart-retries.
    """
    days = account.dunning.retry_days
    invoice.next_payment_attempt = None
    if (
        invoice.auto_advance
        and invoice.attempt_count <= len(days)
        and invoice.billing_reason != "subscription_create"
    ):
        invoice.next_payment_attempt = account.now(invoice.test_clock) + days[invoice.attempt_count - 1] * DAY


def _after_failure(account: Account, invoice: Invoice) -> None:
    """An unpaid renewal is past due; after the last retry the account's setting decides."""
    subscription = subscription_of(account, invoice)
    if subscription is None or subscription.ended_at or subscription.status == "incomplete":
        return
    if subscription.pending_update:
        return
    final = invoice.next_payment_attempt is None and invoice.attempt_count > len(account.dunning.retry_days)
    if final and account.dunning.finally_ == "canceled":
        invoice.auto_advance = False
        subscription_status.end(account, subscription, reason="payment_failed")
        return
    with account.changing("customer.subscription.updated", subscription):
        subscription.status = "unpaid" if final and account.dunning.finally_ == "unpaid" else "past_due"
