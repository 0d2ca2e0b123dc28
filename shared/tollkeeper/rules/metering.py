"""What Stripe's meters are told of usage (DESIGN rule 18)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

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
