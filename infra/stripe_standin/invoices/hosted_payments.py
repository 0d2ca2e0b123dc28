"""What a customer pays by hand, on an invoice's page (docs.stripe.com/invoicing/hosted-invoice-page)."""

from stripe import Customer, Invoice

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.customers import cards, payment_methods
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import authentication, collection


def pay(account: Account, identifier: str, number: str, *, authenticated: bool = False) -> None:
    """Pay an open invoice with a card, which is then the customer's, and no subscription's default.

    Args:
        account: The account.
        identifier: The invoice's id.
        number: A test card's number.
        authenticated: Whether the customer authenticates, where the card asks for it.

    Raises:
        RefusedError: The invoice is not open, or the card was declined (402): another may be tried.
    """
    invoice = account.get(Invoice, identifier, "invoice")
    if invoice.status != "open":
        raise RefusedError(f"Invoice is already {invoice.status}", code="invoice_not_editable")
    card = cards.by_number(number)
    if card.authenticates and not authenticated:
        raise authentication.unauthenticated("payment")
    method = payment_methods.from_card(account, card)
    payment_methods.join(account, method, account.get(Customer, str(invoice.customer)))
    refusal = collection.collect(account, invoice, method.id, customer_present=True)
    if refusal:
        raise refusal
    account.set_up.add(method.id)
