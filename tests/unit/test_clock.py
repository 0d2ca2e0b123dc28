"""What counts seconds."""

import time
from datetime import datetime, timedelta

from tests.examples import NOW
from tollkeeper.clock import WallClock, ticks

A_MONTH = timedelta(days=31)


class MovedClock:
    """A sandbox's clock, which stands until somebody moves it."""

    def __init__(self) -> None:
        self.instant = NOW

    def now(self) -> datetime:
        """Return where it stands."""
        return self.instant

    def at(self, wall: datetime) -> datetime:
        """Return an instant of the wall clock as it is."""
        return wall


def test_a_months_leap_is_a_months_seconds() -> None:
    """Where a sandbox's clock is moved, as many seconds have passed; while it stands, the process's do."""
    clock = MovedClock()
    seconds = ticks(clock)
    before = seconds()
    assert before < seconds() < before + 60
    clock.instant += A_MONTH
    assert seconds() - before >= A_MONTH.total_seconds()


def test_elsewhere_they_are_the_processs() -> None:
    """The wall's clock may be set: what is counted by goes on evenly."""
    assert time.monotonic is ticks(WallClock())
