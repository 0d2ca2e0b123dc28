"""Webhooks: signed, retried, and disturbed on request."""

import time
from datetime import timedelta

import pytest
import stripe as sdk
from stripe import Event, StripeClient

from tests.standin.harness import START, Receiver, Sandbox


@pytest.fixture
def secret(stripe: StripeClient, receiver: Receiver) -> str:
    """The secret of an endpoint for new customers."""
    endpoint = stripe.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["customer.created", "customer.updated"]}
    )
    assert endpoint.secret
    return endpoint.secret


def events(receiver: Receiver, secret: str, count: int) -> list[Event]:
    """The deliveries so far, once there are `count`, their signatures verified."""
    deadline = time.monotonic() + 10
    while len(receiver.received) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return [sdk.Webhook.construct_event(body, signature, secret) for body, signature in receiver.received]


def test_delivery_is_signed_and_carries_the_object(
    stripe: StripeClient, receiver: Receiver, secret: str
) -> None:
    """An endpoint gets the events it asked for, signed with its secret, with a snapshot of the object."""
    customer = stripe.v1.customers.create({"name": "A"})
    stripe.v1.products.create({"name": "not asked for"})
    (event,) = events(receiver, secret, 1)
    assert ("customer.created", customer.id) == (event.type, event.data.object["id"])


def test_update_tells_what_was_before(stripe: StripeClient, receiver: Receiver, secret: str) -> None:
    """An update's event carries the attributes that changed, as they were."""
    customer = stripe.v1.customers.create({"name": "A"})
    stripe.v1.customers.update(customer.id, {"name": "B"})
    found = events(receiver, secret, 2)
    (updated,) = [event for event in found if event.type == "customer.updated"]
    assert updated.data.previous_attributes
    assert {"name": "A"} == updated.data.previous_attributes.to_dict()


def test_secret_is_told_only_at_creation(stripe: StripeClient, receiver: Receiver, secret: str) -> None:
    """A listed endpoint has its address and no secret."""
    (listed,) = stripe.v1.webhook_endpoints.list().data
    assert (receiver.url, False) == (listed.url, "secret" in listed)
    assert secret.startswith("whsec_")


def test_failed_delivery_is_retried(stripe: StripeClient, receiver: Receiver, secret: str) -> None:
    """What was not acknowledged is sent again."""
    receiver.failures = 1
    stripe.v1.customers.create({})
    assert ["customer.created"] == [event.type for event in events(receiver, secret, 1)]


def test_move_waits_for_deliveries(sandbox: Sandbox, receiver: Receiver, secret: str) -> None:
    """When a move of the clock answers, what happened on the way was delivered."""
    receiver.failures = 1
    sandbox.stripe.v1.customers.create({})
    sandbox.move(START + timedelta(seconds=1))
    assert len(events(receiver, secret, 1)) == 1


def test_dropped_delivery_never_comes(sandbox: Sandbox, receiver: Receiver, secret: str) -> None:
    """A dropped event is not delivered, but still stands in the list of events."""
    sandbox.put("deliveries", {"drop": 1})
    sandbox.stripe.v1.customers.create({})
    sandbox.move(START + timedelta(seconds=1))
    listed = sandbox.stripe.v1.events.list({"type": "customer.created"}).data
    assert (0, 1) == (len(events(receiver, secret, 0)), len(listed))


def test_duplicated_delivery_comes_twice(sandbox: Sandbox, receiver: Receiver, secret: str) -> None:
    """A duplicated event comes twice under one id."""
    sandbox.put("deliveries", {"duplicate": 1})
    sandbox.stripe.v1.customers.create({})
    first, second = events(receiver, secret, 2)
    assert first.id == second.id


def test_reordered_deliveries_overtake(sandbox: Sandbox, receiver: Receiver, secret: str) -> None:
    """Reordered events arrive, but not in order."""
    sandbox.put("deliveries", {"reorder": True})
    made = [sandbox.stripe.v1.customers.create({}).id for _ in range(12)]
    arrived = [event.data.object["id"] for event in events(receiver, secret, 12)]
    assert (sorted(made), False) == (sorted(arrived), made == arrived)


def test_delayed_delivery_waits(sandbox: Sandbox, receiver: Receiver, secret: str) -> None:
    """A delay is in wall-clock seconds, and the setting can be read back."""
    setting = {"drop": 0.0, "duplicate": 0.0, "reorder": False, "delaySeconds": 0.2}
    sandbox.put("deliveries", setting)
    began = time.monotonic()
    sandbox.stripe.v1.customers.create({})
    events(receiver, secret, 1)
    assert (True, setting) == (
        time.monotonic() - began >= 0.2,
        sandbox.http.get("/_sandbox/deliveries").json(),
    )


def test_events_are_listed_by_time_and_delivery(sandbox: Sandbox, receiver: Receiver, secret: str) -> None:
    """Missed events can be found: by type, by time, by whether they were delivered."""
    sandbox.stripe.v1.customers.create({})
    events(receiver, secret, 1)
    sandbox.move(START + timedelta(days=1))
    sandbox.put("deliveries", {"delaySeconds": 5})
    sandbox.stripe.v1.customers.create({})
    since = int(START.timestamp()) + 1
    late = sandbox.stripe.v1.events.list({"created": {"gte": since}, "delivery_success": False}).data
    assert ["customer.created"] == [event.type for event in late]


def test_deleted_endpoint_gets_nothing(sandbox: Sandbox, receiver: Receiver, secret: str) -> None:
    """A deleted endpoint is told nothing more."""
    (endpoint,) = sandbox.stripe.v1.webhook_endpoints.list().data
    deleted = sandbox.stripe.v1.webhook_endpoints.delete(endpoint.id)
    sandbox.stripe.v1.customers.create({})
    sandbox.move(START + timedelta(seconds=1))
    assert (True, 0) == (deleted.deleted, len(events(receiver, secret, 0)))
