"""What paying on a session's page makes (docs.stripe.com/payments/checkout/how-checkout-works)."""

from collections.abc import Mapping

from stripe import Customer, Invoice, PaymentMethod
from stripe.checkout import Session

from infra.stripe_standin.account.shapes import make
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.checkout import options
from infra.stripe_standin.customers import cards, customers, payment_methods
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import authentication
from infra.stripe_standin.products import discounts
from infra.stripe_standin.subscriptions import billing_cycle, subscriptions

# What the customer is taken to have typed where a billing address is required.
ADDRESS = {
    "city": "Testville",
    "country": "US",
    "line1": "1 Test Street",
    "postal_code": "94000",
    "state": "CA",
}


def complete(
    account: Account,
    identifier: str,
    card: str | None,
    kind: str = "card",
    promotion_code: str | None = None,
    tax_id: Mapping[str, str] | None = None,
    *,
    authenticated: bool = False,
) -> Session:
    """Do what paying on the page does (docs.stripe.com/payments/checkout/how-checkout-works).

    What is paid with becomes the subscription's default payment method.

    Args:
        account: The account.
        identifier: The session's id.
        card: A test card's number, if it is paid by card.
        kind: The type of payment method otherwise.
        promotion_code: What the customer typed, where the session takes codes.
        tax_id: `type` and `value` of what they typed, where the session collects tax ids.
        authenticated: Whether the customer authenticates, where the card asks for it.

    Raises:
        RefusedError: The session is not open, or the card was declined (402): the customer may try another.
    """
    session = account.get(Session, identifier)
    if session.status != "open":
        raise RefusedError(f"This Checkout Session is {session.status}.", code="checkout_session_not_open")
    options.check_tax_id(session, tax_id)
    data = account.subscription_data[identifier]
    discount = _discount(account, session, promotion_code)
    customer = account.find(Customer, str(session.customer))
    email = (customer.email if customer else session.customer_email) or "customer@example.com"
    method = None
    if card or kind != "card" or not options.may_go_without(session):
        method = _method(account, session, card, kind, email)
    address = ADDRESS if session.billing_address_collection == "required" else None
    if method:
        method.billing_details.address = make(PaymentMethod.BillingDetails.Address, **(address or {}))
        trial = bool(data.get("trial_period_days"))
        now = account.now(customer.test_clock if customer else None)
        cards.check(method, attaching=trial, now=now)
        if kind == "card" and cards.by_number(card or "").authenticates and not authenticated:
            raise authentication.unauthenticated("setup" if trial else "payment")
    if customer is None:
        customer = customers.create(account, {"email": email})
        session.customer = customer.id
    if method:
        payment_methods.join(account, method, customer)
        account.set_up.add(method.id)
        data = {**data, "default_payment_method": method.id}
    options.save(account, session, customer, address, tax_id)
    wanted = [
        {"price": item.price.id, "quantity": item.quantity}
        for item in (session.line_items.data if session.line_items else [])
        if item.price
    ]
    subscription = subscriptions.start(account, customer.id, wanted, {**data, "discounts": discount})
    billing_cycle.begin(account, subscription, customer, customer_present=True)
    invoice = account.get(Invoice, str(subscription.latest_invoice))
    session.subscription, session.invoice = subscription.id, invoice.id
    session.status = "complete"
    session.payment_status = "no_payment_required" if invoice.amount_due == 0 else "paid"
    session.amount_total, session.url = invoice.total, None
    session.discounts = [make(Session.Discount, **given) for given in discount]
    session.customer_details = make(
        Session.CustomerDetails,
        address=address,
        email=customer.email,
        tax_exempt="none",
        tax_ids=[dict(tax_id)] if tax_id else [],
    )
    account.emit("checkout.session.completed", session)
    return session


def _method(account: Account, session: Session, card: str | None, kind: str, email: str) -> PaymentMethod:
    if kind not in session.payment_method_types:
        raise RefusedError(f"This session does not take {kind}.", param="payment_method_types")
    if kind == "card":
        return payment_methods.from_card(account, cards.by_number(card or ""))
    return payment_methods.without_card(account, kind, email)


def _discount(account: Account, session: Session, promotion_code: str | None) -> list[dict[str, str]]:
    if promotion_code:
        if not session.allow_promotion_codes:
            raise RefusedError("This session takes no promotion codes.", param="promotion_code")
        return [{"promotion_code": discounts.by_code(account, promotion_code).id}]
    given = session.discounts or []
    return [{key: str(value) for key, value in one.to_dict().items() if value} for one in given]
