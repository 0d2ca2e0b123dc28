"""What customers do on an invoice's own page."""

import html

from stripe import Invoice

from tests.standin.harness import Sandbox, Shop

FAILS = "pm_card_chargeCustomerFail"
ASKS = "4000002760003184"


def unpaid(shop: Shop) -> Invoice:
    """Return an open invoice, whose first charge failed."""
    customer = shop.customer(FAILS)
    subscription = shop.subscribe(customer, payment_behavior="allow_incomplete")
    return shop.stripe.v1.invoices.retrieve(str(subscription.latest_invoice))


def status(shop: Shop, invoice: Invoice) -> str | None:
    """Return how it stands with an invoice now."""
    return shop.stripe.v1.invoices.retrieve(invoice.id).status


def test_an_open_invoice_is_paid_by_hand(sandbox: Sandbox, shop: Shop) -> None:
    """The page asks for a card, charges it, and shows that nothing is left to pay."""
    invoice = unpaid(shop)
    page = str(invoice.hosted_invoice_url)
    assert "Pay $20.00" in sandbox.http.get(page).text
    paid = sandbox.http.post(f"{page}/pay", data={"card": "4242 4242 4242 4242"})
    shown = sandbox.http.get(page).text
    assert (303, "paid", False) == (paid.status_code, status(shop, invoice), "Pay $20.00" in shown)
    assert 400 == sandbox.http.post(f"{page}/pay", data={"card": "4242 4242 4242 4242"}).status_code


def test_a_card_that_fails_there_leaves_it_open(sandbox: Sandbox, shop: Shop) -> None:
    """The page says so, and another card can be tried."""
    invoice = unpaid(shop)
    answer = sandbox.http.post(f"{invoice.hosted_invoice_url}/pay", data={"card": "4000000000000341"})
    assert (402, True, "open") == (
        answer.status_code,
        "Your card was declined." in html.unescape(answer.text),
        status(shop, invoice),
    )


def test_a_card_that_asks_its_owner_asks_there(sandbox: Sandbox, shop: Shop) -> None:
    """Between the card and its charge stands the bank's question, and the answer decides."""
    invoice = unpaid(shop)
    page = f"{invoice.hosted_invoice_url}/pay"
    asked = sandbox.http.post(page, data={"card": ASKS})
    assert (200, True, "open") == (asked.status_code, ASKS in asked.text, status(shop, invoice))
    failed = sandbox.http.post(page, data={"card": ASKS, "authenticated": "no"})
    assert (402, "open") == (failed.status_code, status(shop, invoice))
    paid = sandbox.http.post(page, data={"card": ASKS, "authenticated": "yes"})
    assert (303, "paid") == (paid.status_code, status(shop, invoice))
