"""What becomes of changes that Stripe refuses."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from stripe import InvalidRequestError, StripeClient, Subscription

from tests.examples import CATALOGUE, SUBSCRIPTION
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.stripe.port import ChangePreview

UPGRADE = CATALOGUE.plans["enterprise"].price_lookup_key


def refuse(code: str) -> Callable[..., None]:
    """A call that Stripe refuses with a code."""

    def refused(*_: object) -> None:
        raise InvalidRequestError("", None, code=code)  # type: ignore[no-untyped-call] # the SDK's own

    return refused


def subscription(schedule: str | None = None) -> Subscription:
    """Ada's, as Stripe tells it."""
    held = {"id": schedule, "object": "subscription_schedule"} if schedule else None
    price = {"id": "price_1", "object": "price", "product": CATALOGUE.plans["professional"].product_id}
    item = {"id": "si_1", "object": "subscription_item", "price": price}
    told = {"id": SUBSCRIPTION.id, "object": "subscription", "status": "active", "ended_at": None}
    items = {"object": "list", "data": [item]}
    return Subscription.construct_from({**told, "schedule": held, "items": items}, key=None)


def gateway(*retrieved: Subscription, **calls: Callable[..., object]) -> StripeGateway:
    """The gateway at a client that tells a subscription time after time, and makes these calls."""
    those = iter(retrieved)
    sold = SimpleNamespace(data=[SimpleNamespace(id="price_2", lookup_key=UPGRADE)])
    v1: dict[str, Any] = {
        "subscriptions": SimpleNamespace(retrieve=lambda *_: next(those)),
        "prices": SimpleNamespace(list=lambda *_: sold),
        "invoices": SimpleNamespace(create_preview=calls.get("create_preview")),
        "subscription_schedules": SimpleNamespace(release=calls.get("release")),
    }
    client = cast("StripeClient", SimpleNamespace(v1=SimpleNamespace(**v1)))
    return StripeGateway(client, CATALOGUE, "live")


def test_where_nothing_follows_the_next_bill_is_nothing() -> None:
    """Stripe refuses to preview the bill of what will not be billed again."""
    stripe = gateway(subscription(), create_preview=refuse("invoice_upcoming_none"))
    assert ChangePreview(0, 0) == stripe.preview_change(SUBSCRIPTION.id, "enterprise", now=False)


def test_a_preview_that_is_refused_for_something_else_is_an_error() -> None:
    """Nobody is told that a change costs nothing."""
    stripe = gateway(subscription(), create_preview=refuse("resource_missing"))
    with pytest.raises(StripeRefusedError):
        stripe.preview_change(SUBSCRIPTION.id, "enterprise", now=False)


def test_a_schedule_that_somebody_else_has_released_is_released() -> None:
    """Stripe refuses to do so again; what was wanted is so."""
    stripe = gateway(subscription("sub_sched_1"), subscription(), release=refuse("resource_missing"))
    stripe.release_schedule(SUBSCRIPTION.id, "key")


def test_a_schedule_that_is_not_released_is_an_error() -> None:
    """Whoever cancels or resumes must not go on as if it were gone."""
    held = subscription("sub_sched_1")
    with pytest.raises(StripeRefusedError):
        gateway(held, held, release=refuse("resource_missing")).release_schedule(SUBSCRIPTION.id, "key")
