"""What customers look after by themselves: the portal, what they were billed, and what is to come."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from infra.local.customer import Customer
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers, soon

ACCOUNT = "http://localhost:3000/account"


@pytest.fixture(scope="module")
def buyer(home: Home, stack: Stack) -> Callable[[], str]:
    """Have somebody new subscribe to professional; return their id, once they have it."""

    def buy() -> str:
        customer = Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")
        customer.buy("professional")
        customer.once("trialing")
        return customer.user_id

    return buy


@pytest.fixture(scope="module")
def subscriber(buyer: Callable[[], str]) -> str:
    """Somebody who has just subscribed."""
    return buyer()


def on_the_page(stack: Stack, url: str, action: str, **form: str) -> httpx.Response:
    """Do something on a page of Stripe's, as a customer does."""
    assert url.startswith(f"{stack.stripe}/")
    return httpx.post(f"{url}/{action}", data=form, trust_env=False, follow_redirects=True)


def shown(callers: Callers, user_id: str) -> Mapping[str, Any]:
    """Return what GET /subscription shows."""
    found: Mapping[str, Any] = callers.user(user_id).get("/subscription").json()
    return found


def test_a_card_is_changed_in_the_portal(stack: Stack, callers: Callers, subscriber: str) -> None:
    """It opens at the payment method, and the new card is shown when Stripe has told."""
    answer = callers.user(subscriber).post(
        "/portal", json={"returnUrl": ACCOUNT, "flow": "payment_method_update"}
    )
    assert 201 == answer.status_code, answer.text
    on_the_page(stack, answer.json()["url"], "card", card="5555555555554444").raise_for_status()
    found = soon(
        lambda: shown(callers, subscriber)["paymentMethod"], lambda card: bool(card["last4"] == "4444")
    )
    assert ("card", "mastercard", "4444") == (found["type"], found["brand"], found["last4"])


def test_a_subscription_is_cancelled_in_the_portal(
    stack: Stack, callers: Callers, buyer: Callable[[], str]
) -> None:
    """At the period's end; then no bill is to come."""
    user_id = buyer()
    url = callers.user(user_id).post("/portal", json={"returnUrl": ACCOUNT}).json()["url"]
    on_the_page(stack, url, "cancel").raise_for_status()
    found = soon(lambda: shown(callers, user_id), lambda each: each["cancelAt"] is not None)
    answer = callers.user(user_id).get("/invoices/upcoming")
    assert (found["currentPeriodEnd"], 404, "no_upcoming_invoice") == (
        found["cancelAt"],
        answer.status_code,
        answer.json()["error"],
    )


def test_who_never_came_to_buy_has_nothing_to_look_after(callers: Callers, user: str) -> None:
    """No portal, no invoices, and none to come."""
    client = callers.user(user)
    portal, upcoming = client.post("/portal", json={"returnUrl": ACCOUNT}), client.get("/invoices/upcoming")
    assert (409, 404, {"invoices": [], "hasMore": False}) == (
        portal.status_code,
        upcoming.status_code,
        client.get("/invoices").json(),
    )


def test_what_was_billed_is_the_callers_alone(callers: Callers, subscriber: str, user: str) -> None:
    """The first invoice, of a trial, is there with its pages; whoever else begins after it learns nothing."""
    (invoice,) = callers.user(subscriber).get("/invoices").json()["invoices"]
    assert ("paid", 0, True, True) == (
        invoice["status"],
        invoice["total"],
        invoice["hostedInvoiceUrl"].startswith("http"),
        invoice["invoicePdf"].startswith("http"),
    )
    answers = [
        callers.user(user).get("/invoices", params={"startingAfter": each})
        for each in (invoice["id"], "in_unknown")
    ]
    assert [422, 422] == [each.status_code for each in answers]
    assert answers[0].json() == answers[1].json()


def test_the_first_bill_after_the_trial_is_told(callers: Callers, subscriber: str) -> None:
    """The plan, at the trial's end, and no overage: in a trial there is none."""
    found = callers.user(subscriber).get("/invoices/upcoming").json()
    assert (9_900, 0, 0, 9_900, shown(callers, subscriber)["trial"]["endsAt"]) == (
        found["base"],
        found["overage"],
        found["offByCap"],
        found["total"],
        found["at"],
    )
