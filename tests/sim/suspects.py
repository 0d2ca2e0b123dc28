"""Messages that stop the tracker, and what it remembers of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.sim.weather import Died, StormyTable, Weather
from tollkeeper.ledger.counting import Counting, Tally
from tollkeeper.ledger.tracking import MessageAttempts
from tollkeeper.rules.offers import Offer
from tollkeeper.usage.tracker import MOST_STOPS


class DeadlyCounting(Counting):
    """Counting, which some messages stop."""

    def __init__(self, table: StormyTable, offer: Offer, weather: Weather) -> None:
        super().__init__(table, offer)
        self._weather = weather

    def count(self, *args: Any, **more: Any) -> Tally:  # noqa: ANN401 - handed on as they are
        """Count, or die of it."""
        if self._weather.is_deadly:
            self._weather.marks["functions that a message stopped"] += 1
            raise Died
        return super().count(*args, **more)


class WatchedAttempts(MessageAttempts):
    """Attempts, of which it is told when a message is about to be taken alone."""

    def __init__(self, table: StormyTable, weather: Weather) -> None:
        super().__init__(table)
        self._weather = weather

    def begin(self, message_ids: Sequence[str], now: datetime) -> Mapping[str, int]:
        """Note that messages are begun."""
        found = super().begin(message_ids, now)
        self._weather.marks["messages taken alone"] += MOST_STOPS in found.values()
        return found
