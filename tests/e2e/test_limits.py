"""Limits hold at the deployed API, however many ask at once, and what is billed beyond them is capped."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from infra.local.customer import Customer
from infra.local.places import Home, Stack
from tests.e2e.callers import CONNECTIONS, Callers

RACERS = 1_000
PATIENCE = 20
"""How often somebody who is told to come again does."""
LIMIT = 50


def subscriber(home: Home, stack: Stack, plan: str) -> Customer:
    """Return somebody who has bought a plan, and is in its trial."""
    customer = Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")
    customer.buy(plan)
    customer.once("trialing")
    return customer


def once(customer: Customer, status: str) -> datetime:
    """Wait for the status of a subscription; return the end of its period."""
    return datetime.fromisoformat(customer.once(status)["currentPeriodEnd"])


@pytest.fixture(scope="module")
def professional(home: Home, stack: Stack) -> str:
    """A professional subscriber who pays, for the trial is over."""
    customer = subscriber(home, stack, "professional")
    customer.move_clock(once(customer, "trialing") + timedelta(hours=1))
    once(customer, "active")
    return customer.user_id


def test_a_thousand_at_once_get_exactly_the_limit(home: Home, stack: Stack, callers: Callers) -> None:
    """On the starter plan's fifty designs exactly fifty are allowed; whoever is told to come again does."""
    user = subscriber(home, stack, "starter").user_id

    def race(number: int) -> int:
        for _ in range(PATIENCE):
            status = callers.consume(user, "designsCreated", f"design-{number}").status_code
            if status != 503:
                break
        return status

    with ThreadPoolExecutor(CONNECTIONS) as racers:
        answers = Counter(racers.map(race, range(RACERS)))
    standing = callers.quota(user, "designsCreated")
    assert ({200: LIMIT, 402: RACERS - LIMIT}, LIMIT) == (answers, standing["current"])


def test_the_export_limit_bills_a_professional(callers: Callers, professional: str) -> None:
    """The 501st export is allowed, and 50 cents more are due than the plan's $99."""
    assert 200 == callers.consume(professional, "exports", "all-exports", 500).status_code
    answer = callers.consume(professional, "exports", "over-1")
    assert (200, "bill") == (answer.status_code, answer.json()["onLimit"])
    shown = callers.user(professional).get("/subscription").json()
    assert ({"quantity": 1, "amount": 50}, 99_50) == (shown["overage"]["exports"], shown["projectedTotal"])


def test_a_spending_cap_refuses_the_cent_that_passes_it(callers: Callers, professional: str) -> None:
    """AI queries cost ten cents beyond the thousand: with a cent too little accepted the next is refused."""
    assert 200 == callers.consume(professional, "aiQueries", "all-queries", 1_000).status_code
    user = callers.user(professional)
    spent = user.get("/subscription").json()["projectedTotal"] - 99_00

    def accept(cents: int) -> None:
        answer = user.put("/subscription/spending-cap", json={"amount": cents})
        assert (200, cents) == (answer.status_code, user.get("/subscription").json()["spendingCap"])

    accept(spent + 9)
    refused = callers.consume(professional, "aiQueries", "over")
    assert (402, "Spending cap reached", spent + 9) == (
        refused.status_code,
        refused.json()["error"],
        refused.json()["spendingCap"],
    )
    accept(spent + 10)
    assert 200 == callers.consume(professional, "aiQueries", "over").status_code


def test_a_release_gives_back(callers: Callers, user: str) -> None:
    """What was consumed and did not happen is free for another, once."""
    assert 200 == callers.consume(user, "designsCreated", "all", 3).status_code
    wish = {"userId": user, "id": "all", "quantity": 1}
    for _ in range(2):
        answer = callers.service.post("/quota/designsCreated/release", json=wish)
        assert (200, 1) == (answer.status_code, answer.json()["remaining"])
    assert 200 == callers.consume(user, "designsCreated", "another").status_code
    assert 402 == callers.consume(user, "designsCreated", "one more").status_code


def test_a_yes_is_repeated_and_counts_once(callers: Callers, user: str) -> None:
    """Whoever heard no answer asks again under the same id, and is answered the same."""
    first = callers.consume(user, "exports", "export", 5)
    again = callers.consume(user, "exports", "export", 5)
    assert (200, 5, first.json()) == (again.status_code, again.json()["current"], again.json())
