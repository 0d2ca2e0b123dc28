"""Billing periods counted from their anchor (docs.stripe.com/billing/subscriptions/billing-cycle)."""

from calendar import monthrange
from datetime import datetime, timedelta

from stripe import Price

from infra.stripe_standin.clocks.sandbox_clock import at

DAY = 86400


def end_after(anchor: int, recurring: Price.Recurring, start: int) -> int:
    """The first period boundary after `start`; all in seconds since the epoch.

    A month without the anchor's day ends on its last: the 31st becomes the 28th of February, and the
    31st again in March.
    """
    steps = 0
    while (boundary := _step(at(anchor), recurring.interval, recurring.interval_count * steps)) <= at(start):
        steps += 1
    return int(boundary.timestamp())


def _step(anchor: datetime, interval: str, count: int) -> datetime:
    if interval == "day":
        return anchor + timedelta(days=count)
    if interval == "week":
        return anchor + timedelta(weeks=count)
    months = anchor.month - 1 + count * (12 if interval == "year" else 1)
    year, month = anchor.year + months // 12, months % 12 + 1
    return anchor.replace(year=year, month=month, day=min(anchor.day, monthrange(year, month)[1]))
