"""Refunds of invoices' payments, all of which succeed at once (docs.stripe.com/api/refunds)."""

from stripe import Invoice, InvoicePayment, ListObject, PaymentIntent, Refund
from stripe.params import RefundCreateParams, RefundListParams, RefundRetrieveParams

from infra.stripe_standin.account.shapes import make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.server.lists import matching, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()


@routes.post("/v1/refunds", RefundCreateParams)
def create(account: Account, params: RefundCreateParams) -> Refund:
    """Give back what a payment intent took, or a part (docs.stripe.com/api/refunds/create)."""
    if "payment_intent" not in params:
        raise RefusedError(
            "Missing required param: payment_intent.", code="parameter_missing", param="payment_intent"
        )
    intent = account.get(PaymentIntent, params["payment_intent"], "payment_intent")
    refund = give_back(account, intent, params.get("amount", left(account, intent)))
    refund.reason = params.get("reason")
    refund.metadata = metadata(params.get("metadata"))
    return refund


@routes.get("/v1/refunds", RefundListParams)
def listed(account: Account, params: RefundListParams) -> ListObject[Refund]:
    """List refunds (docs.stripe.com/api/refunds/list)."""
    return page(matching(account.all(Refund), params, "payment_intent"), params, "/v1/refunds")


@routes.get("/v1/refunds/{refund}", RefundRetrieveParams)
def retrieve(account: Account, _params: RefundRetrieveParams, refund: str) -> Refund:
    """Retrieve a refund (docs.stripe.com/api/refunds/retrieve)."""
    return account.get(Refund, refund)


def left(account: Account, intent: PaymentIntent) -> int:
    """What of a payment has not been given back; in cents."""
    given_back = sum(known.amount for known in account.all(Refund) if known.payment_intent == intent.id)
    return (intent.amount_received or 0) - given_back


def give_back(account: Account, intent: PaymentIntent, amount: int) -> Refund:
    """Refund an amount of a payment.

    Raises:
        RefusedError: More than is left of it, or nothing (docs.stripe.com/error-codes).
    """
    if not 0 < amount <= left(account, intent):
        raise RefusedError(
            f"Refund amount ({amount}) must be positive, and at most what is left of the payment.",
            code="charge_already_refunded" if left(account, intent) == 0 else "amount_too_large",
            param="amount",
        )
    refund = make(
        Refund,
        id=new_id("re"),
        amount=amount,
        created=account.now_of(intent.customer),
        currency=intent.currency,
        metadata=metadata(None),
        payment_intent=intent.id,
        status="succeeded",
    )
    account.emit("refund.created", account.keep(refund))
    return refund


def payment_of(account: Account, invoice: Invoice, amount: int) -> PaymentIntent:
    """A payment of an invoice of which an amount can still be given back.

    Raises:
        RefusedError: There is none.
    """
    for payment in account.all(InvoicePayment):
        intent = account.get(PaymentIntent, str(payment.payment.payment_intent))
        if payment.invoice == invoice.id and left(account, intent) >= amount:
            return intent
    raise RefusedError("The invoice has no payment of that amount to refund.", param="refund_amount")
