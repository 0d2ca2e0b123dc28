"""Collecting an invoice, and what its payment means for the subscription.

See docs.stripe.com/billing/subscriptions/overview.
"""

from stripe import Customer, Invoice, PaymentMethod, Subscription

from infra.stripe_standin.account.shapes import metadata, reference
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.customers import cards
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import finalization, payment_intents
from infra.stripe_standin.invoices.drafts import subscription_of
from infra.stripe_standin.subscriptions import subscription_status
from infra.stripe_standin.subscriptions.periods import DAY

# How long Stripe takes to collect what was finalised by hand.
ADVANCING = 3600
NEEDS_ACTION = "invoice_payment_intent_requires_action"


def advance(account: Account, invoice: Invoice, *, customer_present: bool = False) -> None:
    """What Stripe does by itself with a final invoice: charge it, send it, or what paused collection says.

    See docs.stripe.com/invoicing/integration/automatic-advancement-collection and
    docs.stripe.com/billing/subscriptions/pause-payment.
    """
    if invoice.id in account.given_up and invoice.amount_due:
        _leave_uncollected(account, invoice, account.given_up[invoice.id])
    elif invoice.collection_method == "send_invoice" and invoice.amount_due:
        account.emit("invoice.sent", invoice)
    else:
        collect(account, invoice, customer_present=customer_present)


def begin(account: Account, invoice: Invoice) -> None:
    """Begin to collect an open invoice that advances; whoever pays it meanwhile does not stop that."""
    account.collecting[invoice.id] = account.now(invoice.test_clock) + ADVANCING
    if invoice.collection_method == "charge_automatically":
        invoice.next_payment_attempt = account.collecting[invoice.id]


def collect(
    account: Account, invoice: Invoice, method: str | None = None, *, customer_present: bool = False
) -> RefusedError | None:
    """Try to have an open invoice paid by card.

    Args:
        account: The account.
        invoice: An open invoice; nothing due is paid without a card.
        method: The card to use instead of the default one.
        customer_present: Whether the customer is there, and has authenticated if their card asks for it.

    Returns:
        Why the bank refused, or `None` if the invoice is now paid.
    """
    if invoice.amount_due == 0:
        _mark_paid(account, invoice, paid=0)
        return None
    found = account.find(PaymentMethod, method or default_method(account, invoice))
    payment_intents.payment_of(account, invoice)
    invoice.attempted = True
    invoice.attempt_count += 1
    refusal = _refusal(account, found, account.now(invoice.test_clock), customer_present=customer_present)
    if refusal is None:
        settle(account, invoice, found)
    elif found and refusal.code == NEEDS_ACTION:
        _challenge(account, invoice, found)
    else:
        fail(account, invoice, refusal, found)
    return refusal


def settle(account: Account, invoice: Invoice, method: PaymentMethod | None) -> None:
    """The card was charged."""
    payment_intents.note_success(account, invoice, method)
    _mark_paid(account, invoice, paid=invoice.amount_due)


def fail(account: Account, invoice: Invoice, refusal: RefusedError, method: PaymentMethod | None) -> None:
    """The card was not charged: try again later, or do what the last attempt leads to."""
    payment_intents.note_failure(account, invoice, refusal, method)
    _schedule_retry(account, invoice)
    account.emit("invoice.payment_failed", invoice)
    _after_failure(account, invoice)


def _challenge(account: Account, invoice: Invoice, method: PaymentMethod) -> None:
    """The bank wants the customer: nothing is retried until they have authenticated.

    See docs.stripe.com/billing/subscriptions/overview, "requires_action", and
    support.stripe.com/questions/subscription-retries-for-failed-3d-secure-authorizations.

    *Unverified* that `invoice.payment_failed` comes too, and first.
    """
    payment_intents.note_challenge(account, invoice, method)
    invoice.next_payment_attempt = None
    account.emit("invoice.payment_failed", invoice)
    account.emit("invoice.payment_action_required", invoice)
    _after_failure(account, invoice)


def _leave_uncollected(account: Account, invoice: Invoice, behavior: str) -> None:
    """Collection was paused when the invoice was made: void it or write it off."""
    invoice.auto_advance, invoice.next_payment_attempt = False, None
    if behavior == "void":
        finalization.void(account, invoice)
    elif behavior == "mark_uncollectible":
        finalization.write_off(account, invoice)


def refusal_of(account: Account, subscription: Subscription) -> RefusedError | None:
    """Whether the subscription's card would be refused now, asked before anything changes."""
    method = subscription.default_payment_method or _customer_default(account, str(subscription.customer))
    refusal = _refusal(
        account, account.find(PaymentMethod, str(method)), account.now(subscription.test_clock)
    )
    if refusal and refusal.code == NEEDS_ACTION:
        # docs.stripe.com/error-codes#subscription-payment-intent-requires-action
        refusal.code = "subscription_payment_intent_requires_action"
    return refusal


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


def _refusal(
    account: Account, method: PaymentMethod | None, now: int, *, customer_present: bool = False
) -> RefusedError | None:
    if method is None:
        return RefusedError("There is no default_payment_method set on this Customer or Invoice.")
    try:
        cards.check(method, attaching=False, now=now)
    except RefusedError as refusal:
        return refusal
    if not customer_present and cards.needs_authentication(method, set_up=method.id in account.set_up):
        # docs.stripe.com/error-codes#invoice-payment-intent-requires-action
        return RefusedError(
            "This payment requires additional user action before it can be completed successfully. Payment "
            "can be completed using the PaymentIntent associated with the invoice.",
            status=402,
            kind="card_error",
            code=NEEDS_ACTION,
        )
    return None


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
    _note_delinquent(account, invoice, delinquent=False)
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
    """Retries come a few days apart; a first invoice has none, one-off invoices have their own setting.

    See docs.stripe.com/billing/revenue-recovery/smart-retries.
    """
    bills_subscription = subscription_of(account, invoice) is not None
    days = account.dunning.retry_days if bills_subscription else account.dunning.one_off_retry_days
    invoice.next_payment_attempt = None
    if (
        invoice.auto_advance
        and invoice.attempt_count <= len(days)
        and invoice.billing_reason != "subscription_create"
    ):
        invoice.next_payment_attempt = account.now(invoice.test_clock) + days[invoice.attempt_count - 1] * DAY


def _after_failure(account: Account, invoice: Invoice) -> None:
    """An unpaid renewal is past due; after the last retry the account's setting decides."""
    _note_delinquent(account, invoice, delinquent=True)
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


def fall_overdue(account: Account, invoice: Invoice) -> None:
    """A sent invoice that is unpaid at its due date makes its subscription past due.

    See docs.stripe.com/billing/collection-method.
    """
    account.overdue.add(invoice.id)
    account.emit("invoice.overdue", invoice)
    _note_delinquent(account, invoice, delinquent=True)
    subscription = subscription_of(account, invoice)
    if subscription and not subscription.ended_at:
        with account.changing("customer.subscription.updated", subscription):
            subscription.status = "past_due"


def _note_delinquent(account: Account, invoice: Invoice, *, delinquent: bool) -> None:
    """The latest news of any of a customer's invoices (docs.stripe.com/api/customers/object)."""
    customer = account.get(Customer, str(invoice.customer))
    with account.changing("customer.updated", customer):
        customer.delinquent = delinquent
