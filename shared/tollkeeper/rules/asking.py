"""How often Stripe may be asked for what one user sees of it: its read allowance is everybody's.

A page that is loaded asks once a minute. What a user asks for by a click of their own, such as an invoice
explained, older invoices, or the page anew after a decision, may ask besides, a few times a minute.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

MINUTE = timedelta(minutes=1)
MOST_CLICKS = 10
"""Clicks that may ask, in the minute that begins with the first of them."""


class Clicks(NamedTuple):
    """How many clicks of a user have asked since the first of a minute."""

    number: int
    since: datetime


def may_look(asked_at: datetime | None, now: datetime) -> bool:
    """Whether a page that is loaded may ask, if it was last asked then. Clocks may differ by some seconds."""
    return asked_at is None or abs(now - asked_at) >= MINUTE


def clicked(before: Clicks | None, now: datetime) -> Clicks | None:
    """Return what a click that asks makes of those before it; None if it may not ask any more."""
    if before is None or abs(now - before.since) >= MINUTE:
        return Clicks(1, now)
    return Clicks(before.number + 1, before.since) if before.number < MOST_CLICKS else None
