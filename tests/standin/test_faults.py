"""Calls that fail on purpose, and the list of what was asked."""

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
import stripe as sdk
from stripe import StripeClient

from tests.standin.harness import START, Sandbox, header


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
    replayed = []
    for _ in range(2):
        with pytest.raises(sdk.APIError) as raised:
            stripe.v1.customers.create({}, {"idempotency_key": "k"})
        replayed.append(header(raised.value, "Idempotent-Replayed"))
    assert ([None, "true"], []) == (replayed, stripe.v1.customers.list().data)


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


def test_lock_timeout_is_replayed(sandbox: Sandbox, stripe: StripeClient) -> None:
    """A lock timeout is a 429 no limiter sends: the call had begun, so its key keeps it for a day."""
    set_fault(sandbox, answer="lock_timeout")
    seen = []
    for _ in range(2):
        with pytest.raises(sdk.RateLimitError) as raised:
            stripe.v1.customers.create({}, {"idempotency_key": "k"})
        assert raised.value.error
        limiter = header(raised.value, "Stripe-Rate-Limited-Reason")
        seen.append((raised.value.error.code, limiter, header(raised.value, "Idempotent-Replayed")))
    sandbox.move(START + timedelta(hours=24))
    assert stripe.v1.customers.create({}, {"idempotency_key": "k"}).id
    assert [("lock_timeout", None, None), ("lock_timeout", None, "true")] == seen


def test_limiter_says_which_it_is(sandbox: Sandbox, stripe: StripeClient) -> None:
    """A limiter's 429 names the limiter, and its key stays free."""
    set_fault(sandbox, answer="endpoint-concurrency")
    with pytest.raises(sdk.RateLimitError) as raised:
        stripe.v1.customers.create({}, {"idempotency_key": "k"})
    assert "endpoint-concurrency" == header(raised.value, "Stripe-Rate-Limited-Reason")
    assert stripe.v1.customers.create({}, {"idempotency_key": "k"}).id


def test_limiter_never_strikes_after(sandbox: Sandbox) -> None:
    """A limited call has not taken effect, so a fault that says so is refused."""
    answer = sandbox.put("faults", {"faults": [{"effect": "after", "answer": "429"}]})
    assert 422 == answer.status_code


def test_key_in_use_is_a_conflict(sandbox: Sandbox, stripe: StripeClient) -> None:
    """While the first call with a key is under way, a second with it is a 409 that is not kept."""
    set_fault(sandbox, answer="slow", delaySeconds=1)
    made: list[str] = []
    first = Thread(target=lambda: made.append(stripe.v1.customers.create({}, {"idempotency_key": "k"}).id))
    first.start()
    while sandbox.http.get("/_sandbox/faults").json()["faults"]:
        pass
    with pytest.raises(sdk.StripeError) as raised:
        stripe.v1.customers.create({}, {"idempotency_key": "k"})
    first.join(5)
    again = stripe.v1.customers.create({}, {"idempotency_key": "k"})
    assert (409, "idempotency_key_in_use", made) == (
        raised.value.http_status,
        raised.value.error and raised.value.error.code,
        [again.id],
    )


def test_refusal_while_executing_is_replayed(stripe: StripeClient) -> None:
    """What was refused after the call began is the key's answer, even when it would work by now."""
    params: Any = {"name": "A", "id": "prod_a"}
    stripe.v1.products.create(params)
    for _ in range(2):
        with pytest.raises(sdk.InvalidRequestError) as raised:
            stripe.v1.products.create(params, {"idempotency_key": "k"})
    assert "true" == header(raised.value, "Idempotent-Replayed")


def test_unauthorized_call_leaves_its_key_free(sandbox: Sandbox, stripe: StripeClient) -> None:
    """A 401 comes before the keys, so nothing is kept."""
    stranger = StripeClient("sk_live_x", base_addresses={"api": sandbox.url})
    with pytest.raises(sdk.AuthenticationError):
        stranger.v1.customers.create({}, {"idempotency_key": "k"})
    assert stripe.v1.customers.create({"name": "A"}, {"idempotency_key": "k"}).id


def test_missing_parameter_leaves_its_key_free(stripe: StripeClient) -> None:
    """A call that lacks a parameter fails validation, so its key can be used with the parameter."""
    with pytest.raises(sdk.InvalidRequestError):
        stripe.v1.invoices.create({}, {"idempotency_key": "k"})
    customer = stripe.v1.customers.create({})
    assert stripe.v1.invoices.create({"customer": customer.id}, {"idempotency_key": "k"}).id
