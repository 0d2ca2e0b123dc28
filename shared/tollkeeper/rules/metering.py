"""What Stripe is told of a period that has ended (DESIGN rule 11)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from tollkeeper.catalogue import meter_event_name
from tollkeeper.rules.overage import billable
from tollkeeper.rules.periods import Period, last_whole_minute
from tollkeeper.rules.times import iso
from tollkeeper.rules.users import User

IDENTIFIER_MEMORY = timedelta(hours=24)
"""How long Stripe surely knows a meter event by its identifier, and so takes it only once."""


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """The one thing Stripe is told of a user, metric and period: how many units beyond the limit.

    Sent again it repeats its identifier and value, by which Stripe knows it.
    """

    identifier: str
    name: str
    customer_id: str
    value: int
    timestamp: datetime


def meter_events(deployment: str, user: User, period: Period) -> dict[str, MeterEvent]:
    """Return what a period that is closed as it stands comes to, by metric: nothing where nothing is due.

    The period's spending cap decides how much of the overage is billed.
    """
    if not period.terms.billed or period.end is None or user.customer_id is None:
        return {}
    return {
        metric: MeterEvent(
            identifier=_identifier(deployment, user.user_id, period, metric),
            name=meter_event_name(metric),
            customer_id=user.customer_id,
            value=over.quantity,
            timestamp=last_whole_minute(period.start, period.end),
        )
        for metric, over in billable(period).items()
        if over.quantity > 0
    }


def _identifier(deployment: str, user_id: str, period: Period, metric: str) -> str:
    """Return a name that user, metric and period alone decide, within Stripe's 100 characters."""
    parts = (deployment, user_id, period.subscription_id or "", iso(period.start), metric)
    return f"tollkeeper-{sha256('\n'.join(parts).encode()).hexdigest()}"
