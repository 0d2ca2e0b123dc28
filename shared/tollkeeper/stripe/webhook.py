"""Taking Stripe's events in: verified, queued, and only then acknowledged."""

import base64
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

from tollkeeper.stripe.signature import is_signed

MOST_BYTES = 350_000
"""Of the body itself, however it is handed over. Stripe's largest events are far smaller."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came in, from Stripe or from anybody: a body, and what is said to be Stripe's signature of it."""

    body: str
    signature: str
    in_base64: bool


class Receipt(Enum):
    """What became of a delivery."""

    QUEUED = auto()
    """Its event will be followed, so Stripe need not send it again."""
    UNSIGNED = auto()
    """Stripe did not sign it with a secret that is in force, or not within five minutes of now."""
    TOO_LARGE = auto()
    """Its body is longer than any event of Stripe's."""
    NOT_QUEUED = auto()
    """Stripe signed it, but the queue did not take it: Stripe must send it again."""


class EventQueue(Protocol):
    """Where events wait to be followed."""

    def put(self, event: str) -> bool:
        """Keep an event as Stripe wrote it; False if it could not be kept."""


def receive(delivery: Delivery, secrets: str, queue: EventQueue, now: datetime) -> Receipt:
    """Queue the event of a delivery, if Stripe signed it.

    The signature is of the very bytes that Stripe sent. A delivery without one costs no more than the
    computing of that: it is neither stored nor logged. `secrets` are those that may have signed, with commas
    between. `now` is the wall clock's time, by which Stripe signs.
    """
    try:
        payload = (
            base64.b64decode(delivery.body, validate=True) if delivery.in_base64 else delivery.body.encode()
        )
        if len(payload) > MOST_BYTES:
            return Receipt.TOO_LARGE
        event = payload.decode()
    except ValueError:  # no base64, or no UTF-8
        return Receipt.UNSIGNED
    known = [secret for each in secrets.split(",") if (secret := each.strip())]
    if not payload or not is_signed(payload, delivery.signature, known, now):
        return Receipt.UNSIGNED
    return Receipt.QUEUED if queue.put(event) else Receipt.NOT_QUEUED
