"""What meters were told: the ledger of meter events and its sums.

See docs.stripe.com/billing/subscriptions/usage-based.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from stripe.billing import Meter

IDENTIFIER_MEMORY = 24 * 3600


@dataclass(slots=True)
class Reading:
    """One meter event.

    Attributes:
        identifier: Chosen by the sender, or drawn.
        event_name: Names the meter.
        payload: As sent: the customer and the value, as strings.
        timestamp: When it happened, in seconds.
        received_at: When Stripe took it, in seconds.
        state: Taken in, then counted or rejected a moment later; cancelled by an adjustment.
        meter: The meter's id, once counted.
        customer: The customer's id, once counted.
        value: What it adds, once counted.
    """

    identifier: str
    event_name: str
    payload: dict[str, str]
    timestamp: int
    received_at: int
    state: Literal["received", "counted", "rejected", "cancelled"] = "received"
    meter: str = ""
    customer: str = ""
    value: Decimal = Decimal(0)


class Usage:
    """Every meter event, in the order received."""

    def __init__(self) -> None:
        self._readings: list[Reading] = []
        self._by_identifier: dict[str, Reading] = {}

    def remembered(self, identifier: str, now: int) -> Reading | None:
        """The event an identifier was used for within the last 24 hours.

        Stripe promises "at least 24 hours"; the stand-in remembers exactly that long, the worst case.
        """
        found = self._by_identifier.get(identifier)
        return found if found and now - found.received_at < IDENTIFIER_MEMORY else None

    def add(self, reading: Reading) -> None:
        """Take an event in."""
        self._readings.append(reading)
        self._by_identifier[reading.identifier] = reading

    def counted(self, meter: Meter, customer: str, start: int, end: int) -> Decimal | None:
        """What a customer used in `[start, end)` by the meter's formula; `None` without any event."""
        values = [
            reading.value
            for reading in sorted(self._readings, key=lambda reading: reading.timestamp)
            if reading.state == "counted"
            and (reading.meter, reading.customer) == (meter.id, customer)
            and start <= reading.timestamp < end
        ]
        if not values:
            return None
        match meter.default_aggregation.formula:
            case "count":
                return Decimal(len(values))
            case "last":
                return values[-1]
            case _:
                return sum(values, Decimal(0))
