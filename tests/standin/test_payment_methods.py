"""Payment methods of every type: cards, and those that have none."""

from typing import Any

import pytest
import stripe as sdk
from stripe import PaymentIntent, PaymentMethod, StripeClient

from tests.standin.harness import START, Sandbox, Shop

BANK = {"routing_number": "110000000", "account_number": "000123456789"}
CARDLESS: dict[str, dict[str, str]] = {
    "cashapp": {},
    "link": {},
    "sepa_debit": {"iban": "AT61 1904 3002 3457 3201"},
    "us_bank_account": {**BANK, "account_holder_type": "company"},
}


def create(stripe: StripeClient, kind: str, details: dict[str, str]) -> PaymentMethod:
    """A payment method of a type."""
    params: Any = {"type": kind, kind: details, "billing_details": {"email": "ada@example.com"}}
    return stripe.v1.payment_methods.create(params)


def keys(method: PaymentMethod) -> set[str]:
    """Which types' keys it has."""
    return {"card", *CARDLESS} & method.to_dict().keys()


@pytest.mark.parametrize("kind", CARDLESS)
def test_method_has_the_key_of_its_own_type_alone(stripe: StripeClient, kind: str) -> None:
    """A method without a card has no `card`, not even null: reading it raises."""
    method = create(stripe, kind, CARDLESS[kind])
    assert ({kind}, kind) == (keys(method), method.type)
    with pytest.raises(AttributeError):
        _ = method.card


def test_card_has_the_key_of_cards_alone(shop: Shop) -> None:
    """A card has `card`, and no `link`."""
    (method,) = shop.stripe.v1.customers.payment_methods.list(shop.customer().id).data
    assert {"card"} == keys(method)


def test_methods_tell_what_people_know_them_by(stripe: StripeClient) -> None:
    """Link tells an address, Cash App a tag, a debit the last four of an account."""
    methods = {kind: create(stripe, kind, details) for kind, details in CARDLESS.items()}
    link, cashapp = methods["link"].link, methods["cashapp"].cashapp
    sepa_debit, bank = methods["sepa_debit"].sepa_debit, methods["us_bank_account"].us_bank_account
    assert link
    assert cashapp
    assert sepa_debit
    assert bank
    assert ("ada@example.com", "$standin") == (link.email, cashapp.cashtag)
    assert ("AT", "3201") == (sepa_debit.country, sepa_debit.last4)
    assert ("company", "6789") == (bank.account_holder_type, bank.last4)


@pytest.mark.parametrize("kind", ["sepa_debit", "us_bank_account"])
def test_debit_needs_an_account(stripe: StripeClient, kind: str) -> None:
    """A debit without the account's number is refused, naming what is missing."""
    with pytest.raises(sdk.InvalidRequestError, match=kind):
        create(stripe, kind, {})


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("sepa_debit", {"iban": "DE00000000000000000000"}),
        ("us_bank_account", {**BANK, "account_number": "000111111113"}),
        ("boleto", {"tax_id": "000.000.000-00"}),
    ],
)
def test_what_is_not_modelled_is_refused(stripe: StripeClient, kind: str, details: dict[str, str]) -> None:
    """Accounts that fail at Stripe, and methods that are not here, are refused, not taken for others."""
    with pytest.raises(sdk.InvalidRequestError) as raised:
        create(stripe, kind, details)
    assert "standin_lacks" == raised.value.code


@pytest.mark.parametrize("kind", CARDLESS)
def test_checkout_is_paid_without_a_card(sandbox: Sandbox, shop: Shop, kind: str) -> None:
    """What Checkout was paid with is attached, and is what the subscription's invoices are charged to."""
    session = shop.stripe.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "success_url": "https://x.test",
            "line_items": [{"price": shop.small.id, "quantity": 1}],
        }
    )
    assert kind in session.payment_method_types
    path = f"/_sandbox/checkout/sessions/{session.id}/complete"
    completed = sandbox.http.post(path, json={"paymentMethod": kind}).json()
    assert ("complete", "paid") == (completed["status"], completed["payment_status"])
    (subscription,) = shop.stripe.v1.subscriptions.list({"expand": ["data.default_payment_method"]}).data
    method = subscription.default_payment_method
    assert isinstance(method, PaymentMethod)
    assert (kind, subscription.customer, "active") == (method.type, method.customer, subscription.status)


@pytest.mark.parametrize("kind", ["card", *CARDLESS])
def test_payment_may_be_made_by_whatever_the_account_takes(shop: Shop, kind: str) -> None:
    """A payment's intent names what it may be paid with, not cards alone."""
    subscription = shop.subscribe(shop.customer())
    expand = ["payments.data.payment.payment_intent"]
    invoice = shop.stripe.v1.invoices.retrieve(str(subscription.latest_invoice), {"expand": expand})
    assert invoice.payments
    intent = invoice.payments.data[0].payment.payment_intent
    assert isinstance(intent, PaymentIntent)
    assert kind in intent.payment_method_types


def test_checkout_page_offers_methods_without_a_card(sandbox: Sandbox, shop: Shop) -> None:
    """A person subscribes with one click where no card is typed."""
    session = shop.stripe.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "success_url": "https://x.test",
            "line_items": [{"price": shop.small.id, "quantity": 1}],
        }
    )
    path = f"/checkout/{session.id}"
    assert 'value="link"' in sandbox.http.get(path).text
    answer = sandbox.http.post(path, data={"card": "", "paymentMethod": "link"})
    assert (303, "https://x.test") == (answer.status_code, answer.headers["location"])


@pytest.mark.parametrize(
    "body", [{"paymentMethod": "cheque"}, {"card": "4242424242424242", "paymentMethod": "link"}]
)
def test_checkout_is_paid_in_one_way(sandbox: Sandbox, body: dict[str, str]) -> None:
    """Paying with something unknown or twice over is a 422; whether nothing will do, the session says."""
    answer = sandbox.http.post("/_sandbox/checkout/sessions/cs_test_none/complete", json=body)
    assert 422 == answer.status_code


def test_method_without_a_card_is_the_default_until_detached(sandbox: Sandbox, shop: Shop) -> None:
    """It can be listed by its type, pays renewals as the customer's default, and is gone once detached."""
    api = shop.stripe.v1
    customer = api.customers.create({"email": "ada@example.com"})
    method = api.payment_methods.attach(create(shop.stripe, "link", {}).id, {"customer": customer.id})
    api.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    shop.subscribe(customer)
    assert [method.id] == [each.id for each in api.customers.payment_methods.list(customer.id).data]
    assert [] == api.customers.payment_methods.list(customer.id, {"type": "card"}).data
    sandbox.move(START.replace(month=3, day=2))
    assert ["paid", "paid"] == [invoice.status for invoice in shop.invoices(customer)]
    assert {"link"} == keys(api.payment_methods.detach(method.id))
    settings = api.customers.retrieve(customer.id).invoice_settings
    assert settings
    assert settings.default_payment_method is None
