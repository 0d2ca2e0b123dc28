"""The checklist for what a customer decides, through the public API: upgrade, downgrade, cancel, resume."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from infra.local.customer import Customer
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers, soon


@pytest.fixture
def subscriber(home: Home, stack: Stack, callers: Callers) -> httpx.Client:
    """Somebody who has just subscribed to starter, on trial, as the API knows them."""
    customer = Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")
    customer.buy("starter")
    client = callers.user(customer.user_id)
    assert soon(lambda: shown(client), lambda found: found["status"] == "trialing")
    return client


def shown(client: httpx.Client) -> dict[str, Any]:
    """What `GET /subscription` shows."""
    found: dict[str, Any] = client.get("/subscription").json()
    return found


def seen(client: httpx.Client, like: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What `GET /subscription` shows once it is as it should become."""
    return soon(lambda: shown(client), like)


def test_downgrade_waits_and_can_be_taken_back(subscriber: httpx.Client) -> None:
    """It is shown as the plan to come until the present one is chosen again."""
    subscriber.post("/subscription/plan", json={"plan": "professional"}).raise_for_status()
    down = subscriber.post("/subscription/plan", json={"plan": "starter"})
    pending = shown(subscriber)
    back = subscriber.post("/subscription/plan", json={"plan": "professional"})
    assert (200, "period_end", pending["currentPeriodEnd"]) == (
        down.status_code,
        down.json()["effective"],
        down.json()["at"],
    )
    assert ("professional", "starter", 200, None) == (
        pending["plan"],
        pending["pendingPlan"],
        back.status_code,
        shown(subscriber)["pendingPlan"],
    )


def test_cancel_with_a_downgrade_pending_and_resume(subscriber: httpx.Client) -> None:
    """It ends with its period, or, resumed, goes on."""
    subscriber.post("/subscription/plan", json={"plan": "professional"}).raise_for_status()
    subscriber.post("/subscription/plan", json={"plan": "starter"}).raise_for_status()
    cancelled = subscriber.post("/subscription/cancel", json={"at": "period_end"})
    ending = shown(subscriber)
    resumed = subscriber.post("/subscription/resume")
    assert (200, ending["currentPeriodEnd"], None) == (
        cancelled.status_code,
        ending["cancelAt"],
        ending["pendingPlan"],
    )
    assert (200, None) == (resumed.status_code, shown(subscriber)["cancelAt"])


def test_cancel_now(subscriber: httpx.Client) -> None:
    """It has ended with the answer, and what is free is left."""
    answer = subscriber.post("/subscription/cancel", json={"at": "now"})
    assert (200, "canceled") == (answer.status_code, answer.json()["status"])
    assert "free" == seen(subscriber, lambda found: found["plan"] == "free")["plan"]


def test_a_change_sent_again_under_its_key_is_answered_the_same(subscriber: httpx.Client) -> None:
    """The gateway and the function hand the header on."""
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    answers = [
        subscriber.post("/subscription/plan", json={"plan": "professional"}, headers=headers)
        for _ in range(2)
    ]
    assert (200, answers[0].json()) == (answers[1].status_code, answers[1].json())
    again = subscriber.post("/subscription/plan", json={"plan": "professional"})
    assert (409, "same_plan") == (again.status_code, again.json()["error"])


def test_a_double_click_is_one_change(subscriber: httpx.Client, stack: Stack) -> None:
    """Of four at one instant none fails, and Stripe was told under one idempotency key."""
    with ThreadPoolExecutor(4) as pool:
        answers = [
            *pool.map(
                lambda _: subscriber.post("/subscription/plan", json={"plan": "professional"}).status_code,
                range(4),
            )
        ]
    assert {200} <= {*answers} <= {200, 409, 503}
    subscription = shown(subscriber)["subscriptionId"]
    requests = httpx.get(f"{stack.stripe}/_sandbox/requests", trust_env=False, timeout=60).json()
    listed = requests if isinstance(requests, list) else requests["requests"]
    keys = {
        each["idempotencyKey"]
        for each in listed
        if (each["method"], each["path"]) == ("POST", f"/v1/subscriptions/{subscription}")
    }
    assert 1 == len(keys)
