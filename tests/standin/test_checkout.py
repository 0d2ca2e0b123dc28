"""Checkout: a session, its page, and what paying makes."""

import html
from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe.checkout import Session

from tests.standin.harness import START, Sandbox, Shop

CARD = "4242424242424242"


def open_session(shop: Shop, **more: Any) -> Session:  # noqa: ANN401 - any parameter
    """A session for the small plan."""
    params: Any = {
        "mode": "subscription",
        "success_url": "https://x.test/?s={CHECKOUT_SESSION_ID}",
        "line_items": [{"price": shop.small.id, "quantity": 1}],
        **more,
    }
    return shop.stripe.v1.checkout.sessions.create(params)


def pay(sandbox: Sandbox, session: Session, **body: str) -> Any:  # noqa: ANN401 - JSON
    """Complete a session as its page does."""
    return sandbox.http.post(
        f"/_sandbox/checkout/sessions/{session.id}/complete", json={"card": CARD, **body}
    )


def test_paying_subscribes(sandbox: Sandbox, shop: Shop) -> None:
    """A paid session leads to an active subscription that carries subscription_data's metadata only."""
    customer = shop.stripe.v1.customers.create({"email": "a@example.com"})
    session = open_session(
        shop, customer=customer.id, metadata={"on": "session"}, subscription_data={"metadata": {"on": "sub"}}
    )
    pay(sandbox, session)
    done = shop.stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert isinstance(done.subscription, sdk.Subscription)
    assert (
        done.status,
        done.payment_status,
        done.subscription.status,
        done.subscription.metadata.to_dict(),
    ) == ("complete", "paid", "active", {"on": "sub"})


def test_trial_takes_the_card_and_no_money(sandbox: Sandbox, shop: Shop) -> None:
    """With a trial nothing is due today; the card is kept for later."""
    session = open_session(shop, subscription_data={"trial_period_days": 14})
    pay(sandbox, session)
    (subscription,) = shop.stripe.v1.subscriptions.list().data
    (invoice,) = shop.stripe.v1.invoices.list().data
    assert ("trialing", int((START + timedelta(days=14)).timestamp()), 0, "paid") == (
        subscription.status,
        subscription.items.data[0].current_period_end,
        invoice.total,
        invoice.status,
    )
    assert subscription.default_payment_method is not None


def test_declined_card_may_be_replaced(sandbox: Sandbox, shop: Shop) -> None:
    """A decline is a 402 and leaves the session open for another card."""
    session = open_session(shop)
    declined = pay(sandbox, session, card="4000000000000002")
    paid = pay(sandbox, session)
    assert (
        declined.status_code,
        declined.json()["error"]["code"],
        paid.status_code,
    ) == (402, "card_declined", 200)


def test_session_is_paid_once(sandbox: Sandbox, shop: Shop) -> None:
    """A completed session cannot be completed again."""
    session = open_session(shop)
    pay(sandbox, session)
    assert pay(sandbox, session).status_code == 400


def test_session_expires_by_itself(sandbox: Sandbox, shop: Shop) -> None:
    """A session lives 24 hours and says when it is over."""
    session = open_session(shop)
    sandbox.move(START + timedelta(hours=24))
    assert shop.stripe.v1.checkout.sessions.retrieve(session.id).status == "expired"
    assert shop.events("checkout") == ["checkout.session.expired"]


def test_open_sessions_are_listed_and_expired(shop: Shop) -> None:
    """A customer's open sessions can be found and closed."""
    customer = shop.stripe.v1.customers.create({})
    session = open_session(shop, customer=customer.id)
    query: Any = {"customer": customer.id, "status": "open"}
    found = [known.id for known in shop.stripe.v1.checkout.sessions.list(query).data]
    shop.stripe.v1.checkout.sessions.expire(session.id)
    assert ([session.id], []) == (found, shop.stripe.v1.checkout.sessions.list(query).data)


def test_quantity_is_needed(shop: Shop) -> None:
    """An item says how many of it are bought."""
    with pytest.raises(sdk.InvalidRequestError, match="Quantity is required"):
        open_session(shop, line_items=[{"price": shop.small.id}])


def test_page_says_what_the_seller_says(sandbox: Sandbox, shop: Shop) -> None:
    """A text stands beside the button that subscribes, and in the session."""
    session = open_session(shop, custom_text={"submit": {"message": "2 lamps & no more"}})
    shown = sandbox.http.get(f"/checkout/{session.id}").text
    assert session.custom_text.submit
    assert ("2 lamps & no more", True) == (
        session.custom_text.submit.message,
        "2 lamps & no more" in html.unescape(shown) and "lamps & no" not in shown,
    )


def test_text_has_its_bounds(shop: Shop) -> None:
    """A message has at most 1,200 characters."""
    with pytest.raises(sdk.InvalidRequestError, match="1200"):
        open_session(shop, custom_text={"submit": {"message": "x" * 1201}})


def test_lifetime_is_bounded(shop: Shop) -> None:
    """A session lives 30 minutes at least."""
    soon = int((START + timedelta(minutes=29)).timestamp())
    with pytest.raises(sdk.InvalidRequestError, match="30 minutes"):
        open_session(shop, expires_at=soon)


def test_promotion_code_is_taken_off(sandbox: Sandbox, shop: Shop) -> None:
    """A code typed at Checkout cuts the first invoice."""
    coupon = shop.stripe.v1.coupons.create({"percent_off": 25, "duration": "once"})
    shop.stripe.v1.promotion_codes.create(
        {"code": "QUARTER", "promotion": {"type": "coupon", "coupon": coupon.id}}
    )
    pay(sandbox, open_session(shop, allow_promotion_codes=True), promotionCode="quarter")
    (invoice,) = shop.stripe.v1.invoices.list().data
    assert (invoice.subtotal, invoice.total) == (2000, 1500)


def test_required_address_is_collected(sandbox: Sandbox, shop: Shop) -> None:
    """Where a billing address is required, the card carries one."""
    pay(sandbox, open_session(shop, billing_address_collection="required"))
    (subscription,) = shop.stripe.v1.subscriptions.list({"expand": ["data.default_payment_method"]}).data
    assert isinstance(subscription.default_payment_method, sdk.PaymentMethod)
    assert subscription.default_payment_method.billing_details.address
    assert subscription.default_payment_method.billing_details.address.country == "US"


def test_automatic_tax_goes_over_to_the_subscription(sandbox: Sandbox, shop: Shop) -> None:
    """The address that was typed says where the customer is, and stays with them if the session says so."""
    small = shop.stripe.v1.prices.update(shop.small.id, {"tax_behavior": "exclusive"})
    customer = shop.stripe.v1.customers.create({})
    session = open_session(
        shop,
        line_items=[{"price": small.id, "quantity": 1}],
        customer=customer.id,
        customer_update={"address": "auto"},
        billing_address_collection="required",
        automatic_tax={"enabled": True},
    )
    pay(sandbox, session)
    (subscription,) = shop.stripe.v1.subscriptions.list().data
    (invoice,) = shop.stripe.v1.invoices.list().data
    address = shop.stripe.v1.customers.retrieve(customer.id).address
    assert address
    assert (True, True, True, "complete", "US") == (
        session.automatic_tax.enabled,
        subscription.automatic_tax.enabled,
        invoice.automatic_tax.enabled,
        invoice.automatic_tax.status,
        address.country,
    )


def test_automatic_tax_needs_an_address(shop: Shop) -> None:
    """Of a customer who is known already it is on file, or asked for."""
    customer = shop.stripe.v1.customers.create({})
    with pytest.raises(sdk.InvalidRequestError, match="requires a valid address"):
        open_session(shop, customer=customer.id, automatic_tax={"enabled": True})


def test_an_address_stays_on_the_page_unless_the_session_says_otherwise(sandbox: Sandbox, shop: Shop) -> None:
    """A customer who is known already keeps theirs."""
    customer = shop.stripe.v1.customers.create({})
    pay(sandbox, open_session(shop, customer=customer.id, billing_address_collection="required"))
    assert "address" not in shop.stripe.v1.customers.retrieve(customer.id)


def test_a_tax_id_is_on_the_invoices(sandbox: Sandbox, shop: Shop) -> None:
    """Where the session asks for one."""
    session = open_session(shop, tax_id_collection={"enabled": True})
    vat = {"type": "eu_vat", "value": "DE123456789"}
    sandbox.http.post(
        f"/_sandbox/checkout/sessions/{session.id}/complete", json={"card": CARD, "taxId": vat}
    ).raise_for_status()
    done = shop.stripe.v1.checkout.sessions.retrieve(session.id)
    (invoice,) = shop.stripe.v1.invoices.list().data
    assert done.customer_details
    assert [[vat], [vat]] == [
        [each.to_dict() for each in of or []]
        for of in (done.customer_details.tax_ids, invoice.customer_tax_ids)
    ]


def test_a_tax_id_is_taken_only_where_it_is_asked_for(sandbox: Sandbox, shop: Shop) -> None:
    """A page without the field has none."""
    body = {"card": CARD, "taxId": {"type": "eu_vat", "value": "DE123456789"}}
    path = f"/_sandbox/checkout/sessions/{open_session(shop).id}/complete"
    assert sandbox.http.post(path, json=body).status_code == 400


def test_tax_ids_need_the_customers_name(shop: Shop) -> None:
    """A business is not billed under the name that a person had."""
    customer = shop.stripe.v1.customers.create({})
    with pytest.raises(sdk.InvalidRequestError, match="business name"):
        open_session(shop, customer=customer.id, tax_id_collection={"enabled": True})


def test_a_trial_may_begin_without_a_card(sandbox: Sandbox, shop: Shop) -> None:
    """Where a payment method is taken only if it is needed; without one by its end it is cancelled."""
    trial = {
        "trial_period_days": 14,
        "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
    }
    session = open_session(shop, payment_method_collection="if_required", subscription_data=trial)
    done = sandbox.http.post(f"/_sandbox/checkout/sessions/{session.id}/complete", json={})
    (subscription,) = shop.stripe.v1.subscriptions.list().data
    assert (200, "trialing", None) == (
        done.status_code,
        subscription.status,
        subscription.default_payment_method,
    )
    sandbox.move(START + timedelta(days=14))
    ended = shop.stripe.v1.subscriptions.retrieve(subscription.id)
    assert ("canceled", [0]) == (ended.status, [each.total for each in shop.stripe.v1.invoices.list().data])


@pytest.mark.parametrize("collection", ["always", "if_required"])
def test_what_costs_something_takes_a_card(sandbox: Sandbox, shop: Shop, collection: str) -> None:
    """Whatever the session says of needing one."""
    session = open_session(shop, payment_method_collection=collection)
    path = f"/_sandbox/checkout/sessions/{session.id}/complete"
    assert sandbox.http.post(path, json={}).status_code == 402


def test_only_what_is_allowed_can_be_paid_with(sandbox: Sandbox, shop: Shop) -> None:
    """Of what the account takes; the page offers nothing else."""
    session = open_session(shop, allowed_payment_method_types=["card", "ideal"])
    path = f"/_sandbox/checkout/sessions/{session.id}/complete"
    refused = sandbox.http.post(path, json={"paymentMethod": "link"})
    shown = sandbox.http.get(f"/checkout/{session.id}").text
    paid = pay(sandbox, session)
    assert (["card"], 400, False, 200) == (
        session.payment_method_types,
        refused.status_code,
        "Subscribe with" in shown,
        paid.status_code,
    )


def test_something_must_be_left_to_pay_with(shop: Shop) -> None:
    """A session that nobody could pay on is not opened."""
    with pytest.raises(sdk.InvalidRequestError, match="No valid payment method types"):
        open_session(shop, allowed_payment_method_types=["ideal"])


def test_page_lets_a_trial_begin_without_a_card(sandbox: Sandbox, shop: Shop) -> None:
    """It offers so where none is needed."""
    session = open_session(
        shop, payment_method_collection="if_required", subscription_data={"trial_period_days": 14}
    )
    shown = sandbox.http.get(f"/checkout/{session.id}").text
    done = sandbox.http.post(f"/checkout/{session.id}", data={"card": ""})
    assert ("without a payment method" in shown, 303) == (True, done.status_code)


def test_page_takes_the_card(sandbox: Sandbox, shop: Shop) -> None:
    """The page shows the item and, given a card, goes on to the success URL with the session's id."""
    session = open_session(shop)
    shown = sandbox.http.get(f"/checkout/{session.id}")
    paid = sandbox.http.post(f"/checkout/{session.id}", data={"card": "4242 4242 4242 4242"})
    assert (200, True, 303, f"https://x.test/?s={session.id}") == (
        shown.status_code,
        '<label for="card">' in shown.text,
        paid.status_code,
        paid.headers["location"],
    )


def test_page_tells_of_a_decline(sandbox: Sandbox, shop: Shop) -> None:
    """A declined card is told on the page, where another can be tried."""
    session = open_session(shop)
    answer = sandbox.http.post(f"/checkout/{session.id}", data={"card": "4000000000000002"})
    assert (answer.status_code, "Your card was declined." in html.unescape(answer.text)) == (402, True)
