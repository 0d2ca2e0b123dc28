"""Stripe's events about Ada, as Stripe writes them."""

import json
from typing import Any

from tests.examples import NOW
from tollkeeper.rules.times import epoch, iso
from tollkeeper.stripe.events import StripeEvent

METADATA = {"userId": "ada", "planId": "professional", "deployment": "live"}


def snapshot(kind: str, event_id: str = "evt_1", **about: object) -> dict[str, Any]:
    """Return a snapshot event that carries such an object, of Ada's customer unless it says another."""
    return {
        "id": event_id,
        "object": "event",
        "created": epoch(NOW),
        "type": kind,
        "data": {"object": {"customer": "cus_ada", **about}},
    }


def invoice(kind: str, event_id: str = "evt_1", **more: object) -> dict[str, Any]:
    """Return an event about an invoice of $99.00 for Ada's subscription, tried once."""
    details = {"subscription": "sub_ada", "metadata": METADATA}
    about = {
        "id": "in_1",
        "object": "invoice",
        "amount_due": 99_00,
        "amount_paid": 99_00 if "fail" not in kind else 0,
        "currency": "usd",
        "attempt_count": 1,
        "next_payment_attempt": None,
        "hosted_invoice_url": "https://pay.test/in_1",
        "parent": {"type": "subscription_details", "subscription_details": details},
        **more,
    }
    return snapshot(kind, event_id, **about)


def customer(kind: str, event_id: str = "evt_1") -> dict[str, Any]:
    """Return an event about Ada's customer."""
    return snapshot(kind, event_id, id="cus_ada", object="customer", metadata={**METADATA})


def card(kind: str, event_id: str = "evt_1", customer: str | None = "cus_ada") -> dict[str, Any]:
    """Return an event about a card of Ada's."""
    numbers = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
    return snapshot(
        kind, event_id, id="pm_1", object="payment_method", type="card", card=numbers, customer=customer
    )


def thin(kind: str, event_id: str = "evt_1") -> dict[str, Any]:
    """Return a thin event."""
    return {"id": event_id, "object": "v2.core.event", "created": iso(NOW), "type": kind}


def through_event_bridge(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as Stripe's destination in EventBridge hands it on."""
    source = "aws.partner/stripe.com/ed_test_1"
    return {"version": "0", "id": "1", "detail-type": event["type"], "source": source, "detail": event}


def read(event: object) -> StripeEvent:
    """Read an event from a message that carries it."""
    return StripeEvent.read(json.dumps(event))
