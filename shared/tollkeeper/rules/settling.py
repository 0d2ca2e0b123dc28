"""When the usage that was accepted before a period's end has been counted (DESIGN rule 12)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SETTLING = timedelta(minutes=5)
"""How long after its end a period surely waits: what was accepted before it must have reached the queue."""

LONGEST_SETTLING = timedelta(minutes=40)
"""How long after its end a period waits for the queue at most."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Which ends have settled. `held` is the oldest acceptance on the queue; None if that is empty."""

    at: datetime
    held: datetime | None

    def has(self, end: datetime) -> bool:
        """Whether what was accepted before an end is counted."""
        return self.held is None or self.held > end

    def is_given_up(self, end: datetime) -> bool:
        """Whether it is waited for no longer."""
        return self.at - end >= LONGEST_SETTLING
