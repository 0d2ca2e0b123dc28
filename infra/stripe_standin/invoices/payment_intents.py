"""An invoice's one payment and the intent behind it (docs.stripe.com/payments/paymentintents/lifecycle)."""

from stripe import Invoice, InvoicePayment, PaymentIntent, PaymentMethod

from infra.stripe_standin.account.shapes import make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.customers import cardless
from infra.stripe_standin.errors import RefusedError


def payment_of(account: Account, invoice: Invoice) -> tuple[InvoicePayment, PaymentIntent]:
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
            payment_method_types=list(cardless.TAKEN),
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


def note_success(account: Account, invoice: Invoice, method: PaymentMethod | None) -> None:
    """The intent succeeded."""
    payment, intent = payment_of(account, invoice)
    intent.status = "succeeded"
    intent.amount_received = intent.amount
    intent.payment_method = method.id if method else None
    intent.last_payment_error = intent.next_action = None
    payment.status, payment.amount_paid = "paid", invoice.amount_due
    payment.status_transitions.paid_at = account.now(invoice.test_clock)


def note_failure(
    account: Account, invoice: Invoice, refusal: RefusedError, method: PaymentMethod | None
) -> None:
    """The intent wants another payment method, and says why."""
    _, intent = payment_of(account, invoice)
    intent.status = "requires_payment_method"
    intent.next_action = None
    intent.last_payment_error = make(
        PaymentIntent.LastPaymentError,
        type=refusal.kind,
        code=refusal.code,
        decline_code=refusal.decline_code,
        message=refusal.message,
        payment_method=method,
    )


def note_challenge(account: Account, invoice: Invoice, method: PaymentMethod) -> None:
    """The intent waits for the customer to authenticate (docs.stripe.com/payments/3d-secure)."""
    _, intent = payment_of(account, invoice)
    intent.status = "requires_action"
    intent.payment_method = method.id
    intent.last_payment_error = None
    intent.next_action = make(PaymentIntent.NextAction, type="use_stripe_sdk", use_stripe_sdk={})


def note_void(account: Account, invoice: Invoice) -> None:
    """Nothing is paid any more: the intent of a voided invoice is canceled, if there is one.

    See docs.stripe.com/api/payment_intents/object#payment_intent_object-cancellation_reason.
    """
    for payment in account.all(InvoicePayment):
        if payment.invoice == invoice.id:
            now = account.now(invoice.test_clock)
            payment.status, payment.status_transitions.canceled_at = "canceled", now
            intent = account.get(PaymentIntent, str(payment.payment.payment_intent))
            intent.status, intent.next_action = "canceled", None
            intent.canceled_at, intent.cancellation_reason = now, "void_invoice"
            account.emit("payment_intent.canceled", intent)


def awaits_authentication(account: Account, invoice: Invoice) -> bool:
    """Whether the customer must authenticate before the invoice is paid."""
    return any(
        account.get(PaymentIntent, str(payment.payment.payment_intent)).status == "requires_action"
        for payment in account.all(InvoicePayment)
        if payment.invoice == invoice.id and invoice.status == "open"
    )
