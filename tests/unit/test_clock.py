"""What counts seconds."""

import time
from datetime import timedelta

from tests.examples import NOW
from tests.fakes.runtime import FixedClock
from tollkeeper.clock import WallClock, ticks

A_MONTH = timedelta(days=31)


def test_a_months_leap_is_a_months_seconds() -> None:
    """Where a sandbox's clock is moved, as many seconds have passed; while it stands, the process's do."""
    clock = FixedClock(NOW)
    seconds = ticks(clock)
    before = seconds()
    assert before < seconds() < before + 60
    clock.instant += A_MONTH
    assert seconds() - before >= A_MONTH.total_seconds()


def test_elsewhere_they_are_the_processs() -> None:
    """The wall's clock may be set: what is counted by goes on evenly."""
    assert time.monotonic is ticks(WallClock())
