"""What tells the time that passes."""

from datetime import UTC, datetime, timedelta

from tests.examples import NOW
from tests.fakes.runtime import FixedClock
from tollkeeper.clock import WallClock, passing

A_MONTH = timedelta(days=31)
A_SECOND = timedelta(seconds=1)


def test_time_passes_on_the_wall_and_where_a_sandbox_is_moved() -> None:
    """While the sandbox's clock stands, the wall's goes on; where it leaps a month, a month has passed."""
    clock, wall = FixedClock(NOW), FixedClock(datetime.now(UTC))
    now = passing(clock, wall)
    before = now()
    wall.instant += A_SECOND
    assert A_SECOND == now() - before
    clock.instant += A_MONTH
    assert A_MONTH + A_SECOND == now() - before


def test_elsewhere_it_is_the_walls() -> None:
    """So that all instances of a function count alike, and rows say instants that people know."""
    wall = FixedClock(NOW)
    assert NOW == passing(WallClock(), wall)()
