"""What the customer does when a payment asks to authenticate (docs.stripe.com/payments/3d-secure)."""

from stripe import Invoice, PaymentMethod

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import collection, payment_intents


def authenticate(account: Account, identifier: str, *, succeeds: bool) -> Invoice:
    """Confirm or fail an invoice's payment on its hosted page.

    Authenticated, the card is charged and, if its bank allows it, set up for later charges
    (docs.stripe.com/billing/subscriptions/overview, "requires_action"). Failed, the intent wants another
    payment method.

    Args:
        account: The account.
        identifier: The invoice's id.
        succeeds: Whether the customer proves to be the card's owner.

    Raises:
        RefusedError: The invoice's payment waits for no authentication.
    """
    invoice = account.get(Invoice, identifier, "invoice")
    if not payment_intents.awaits_authentication(account, invoice):
        raise RefusedError("The invoice's payment waits for no authentication.", param="invoice")
    _, intent = payment_intents.payment_of(account, invoice)
    method = account.get(PaymentMethod, str(intent.payment_method))
    if succeeds:
        account.set_up.add(method.id)
        collection.settle(account, invoice, method)
    else:
        collection.fail(account, invoice, unauthenticated("payment"), method)
    return invoice


def unauthenticated(intent: str) -> RefusedError:
    """The customer could not prove to be the card's owner.

    See docs.stripe.com/error-codes#payment-intent-authentication-failure.
    """
    return RefusedError(
        "We are unable to authenticate your payment method. Please choose a different payment method and "
        "try again.",
        status=402,
        kind="card_error",
        code=f"{intent}_intent_authentication_failure",
    )
