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


def test_automatic_tax_is_refused(shop: Shop) -> None:
    """What the stand-in cannot compute it refuses, rather than computing it wrongly."""
    with pytest.raises(sdk.InvalidRequestError, match="lacks automatic tax"):
        open_session(shop, automatic_tax={"enabled": True})


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
