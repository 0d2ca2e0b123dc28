"""When the usage that was accepted before a period's end has been counted (DESIGN rule 12)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SETTLING = timedelta(minutes=5)
"""How long after its end a period surely waits: what was accepted before it must have reached the queue."""

GIVEN_UP_BEFORE = timedelta(hours=4)
"""How long before its draft can be held no longer a period stops waiting for the queue."""

CLOSING_TIME = timedelta(minutes=45)
"""How long after its end a period may stay open before that rings."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Which ends have settled. `held` is the oldest acceptance on the queue; None if that is empty."""

    at: datetime
    held: datetime | None

    def has(self, end: datetime) -> bool:
        """Whether what was accepted before an end is counted."""
        return self.held is None or self.held > end

    def is_given_up(self, end: datetime, hold: timedelta) -> bool:
        """Whether it is waited for no longer; `hold` is how long a draft is held at most."""
        return self.at - end >= hold - GIVEN_UP_BEFORE
