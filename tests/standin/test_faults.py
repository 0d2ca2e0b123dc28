"""Calls that fail on purpose, and the list of what was asked."""

from typing import Any

import pytest
import stripe as sdk
from stripe import StripeClient

from tests.standin.harness import Sandbox


def set_fault(sandbox: Sandbox, **fault: object) -> None:
    """Make the next creation of a customer fail."""
    answer = sandbox.put("faults", {"faults": [{"method": "POST", "path": "/v1/customers", **fault}]})
    assert answer.status_code == 200, answer.text


def test_fault_before_changes_nothing(sandbox: Sandbox, stripe: StripeClient) -> None:
    """A call that fails before it took effect leaves no trace."""
    set_fault(sandbox, effect="before", answer="500")
    with pytest.raises(sdk.APIError):
        stripe.v1.customers.create({})
    assert stripe.v1.customers.list().data == []


def test_fault_after_took_effect(sandbox: Sandbox, stripe: StripeClient) -> None:
    """A call that fails after it took effect has happened all the same."""
    set_fault(sandbox, effect="after", answer="500")
    with pytest.raises(sdk.APIError):
        stripe.v1.customers.create({})
    assert len(stripe.v1.customers.list().data) == 1


def test_server_error_is_replayed(sandbox: Sandbox, stripe: StripeClient) -> None:
    """Stripe remembers even a 500 under its idempotency key."""
    set_fault(sandbox, effect="before", answer="500")
    for _ in range(2):
        with pytest.raises(sdk.APIError):
            stripe.v1.customers.create({}, {"idempotency_key": "k"})
    assert stripe.v1.customers.list().data == []


def test_lost_answer_is_found_again_by_its_key(sandbox: Sandbox, stripe: StripeClient) -> None:
    """When the connection broke after the effect, a retry with the same key gets the first object."""
    set_fault(sandbox, effect="after", answer="lost")
    with pytest.raises(sdk.APIConnectionError):
        stripe.v1.customers.create({}, {"idempotency_key": "k"})
    found = stripe.v1.customers.create({}, {"idempotency_key": "k"})
    assert [found.id] == [customer.id for customer in stripe.v1.customers.list().data]


def test_rate_limit_is_not_remembered(sandbox: Sandbox, stripe: StripeClient) -> None:
    """A limited call never began, so the same key works afterwards."""
    set_fault(sandbox, answer="429")
    with pytest.raises(sdk.RateLimitError):
        stripe.v1.customers.create({}, {"idempotency_key": "k"})
    assert stripe.v1.customers.create({}, {"idempotency_key": "k"}).id.startswith("cus_")


def test_fault_wears_off(sandbox: Sandbox, stripe: StripeClient) -> None:
    """A fault strikes as often as it says, and the present setting shows what is left."""
    set_fault(sandbox, answer="429", count=2)
    with pytest.raises(sdk.RateLimitError):
        stripe.v1.customers.create({})
    (left,) = sandbox.http.get("/_sandbox/faults").json()["faults"]
    assert left["count"] == 1


def test_every_request_is_listed(sandbox: Sandbox, stripe: StripeClient) -> None:
    """Anyone can check what was asked, with which parameters and key, and what came of it."""
    stripe.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
    (call,) = sandbox.http.get("/_sandbox/requests", params={"path": "/v1/customers"}).json()["requests"]
    expected = ("POST", "/v1/customers", {"name": "A"}, "k", 200)
    assert expected == tuple(call[key] for key in ("method", "path", "params", "idempotencyKey", "status"))


def test_ignored_parameter_is_listed(sandbox: Sandbox, stripe: StripeClient) -> None:
    """What Stripe takes and the stand-in does nothing with stands beside the request."""
    stripe.v1.customers.create({"name": "A", "tax": {"validate_location": "deferred"}})
    (call,) = sandbox.http.get("/_sandbox/requests").json()["requests"]
    assert ["tax"] == call["ignored"]


def test_filter_the_stand_in_lacks_is_refused(stripe: StripeClient) -> None:
    """A list that would be filtered wrongly is refused instead."""
    with pytest.raises(sdk.InvalidRequestError, match="lacks the parameter shippable"):
        stripe.v1.products.list({"shippable": True})


def test_filter_it_has_is_accepted_even_of_nothing(stripe: StripeClient) -> None:
    """A list can be filtered before there is anything in it."""
    listed: list[list[Any]] = [
        stripe.v1.products.list({"ids": ["x"], "active": True}).data,
        stripe.v1.prices.list({"lookup_keys": ["x"]}).data,
        stripe.v1.billing.meters.list({"status": "active"}).data,
        stripe.v1.customers.list({"email": "x"}).data,
        stripe.v1.subscriptions.list({"customer": "x", "status": "all", "price": "x"}).data,
        stripe.v1.invoices.list({"customer": "x", "status": "draft", "subscription": "x"}).data,
        stripe.v1.invoice_items.list({"customer": "x", "pending": True}).data,
        stripe.v1.checkout.sessions.list({"customer": "x", "status": "open"}).data,
        stripe.v1.events.list({"types": ["x"], "created": {"gte": 1}, "delivery_success": False}).data,
        stripe.v1.subscription_schedules.list({"customer": "x"}).data,
    ]
    assert [] == [thing for page in listed for thing in page]


def test_wrong_setting_is_explained(sandbox: Sandbox) -> None:
    """A sandbox setting that does not parse says what is wrong."""
    answer = sandbox.put("deliveries", {"drop": 2})
    assert (answer.status_code, answer.json()["message"].split(":")[0]) == (422, "drop")
