"""A customer who was in Stripe before the stack was deployed, adopted by the operator's command."""

import pytest

from infra.local.places import Home, Stack
from infra.local.stack import stripe_client
from tests.e2e.callers import Callers
from tests.e2e.operators import operate
from tollkeeper.catalogue import load


@pytest.fixture
def subscriber(stack: Stack, user: str) -> str:
    """The customer of a user whom another billing had noted in its own way."""
    api = stripe_client(stack.stripe).v1
    customer = api.customers.create({"metadata": {"account": user}})
    card = api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    (price,) = api.prices.list({"lookup_keys": [load().plans["professional"].price_lookup_key]}).data
    bought = {"customer": customer.id, "items": [{"price": price.id}], "default_payment_method": card.id}
    api.subscriptions.create(bought)  # type: ignore[arg-type]  # a literal
    return customer.id


def test_an_adopted_subscriber_has_their_plan(
    home: Home, callers: Callers, subscriber: str, user: str
) -> None:
    """The plan is shown and nothing done until it is applied; then the API knows it, and nothing is left."""
    command = ("adopt", "--by", "metadata:account")
    assert "1 to adopt" in operate(home, *command)
    assert "free" == callers.user(user).get("/subscription").json()["plan"]
    assert "1 adopted, 0 to go on with" in operate(home, *command, "--apply")
    shown = callers.user(user).get("/subscription").json()
    assert ("professional", "active") == (shown["plan"], shown["status"])
    assert subscriber not in operate(home, *command)
