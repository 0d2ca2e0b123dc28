"""How long somebody tries again."""

import random
import time
from itertools import count

import pytest

from tollkeeper.ledger.patience import ContendedError, Patience, for_seconds


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let chance always say the most."""
    monkeypatch.setattr(random, "uniform", lambda _, most: most)


@pytest.mark.usefixtures("longest")
def test_each_wait_is_twice_the_one_before_up_to_a_second() -> None:
    """It begins with a fiftieth of a second."""
    slept: list[float] = []
    waiting = Patience(lambda: 10.0, slept.append)
    for attempt in range(8):
        waiting.wait(attempt)
    assert [0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0, 1.0] == slept


def test_nobody_waits_beyond_their_time() -> None:
    """Whose time is up is told so, and has not slept."""
    slept: list[float] = []
    short = Patience(lambda: 0.02, slept.append)
    with pytest.raises(ContendedError):
        short.wait(0)
    with pytest.raises(ContendedError):
        short.wait_for(0.02)
    short.wait_for(0.01)
    assert [0.01] == slept


def test_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of eight seconds, one after the other is gone."""
    ticks = count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    patient = for_seconds(8)
    assert [7.0, 6.0, 5.0] == [patient.seconds_left for _ in range(3)]
    assert [True, False] == [patient.lasts(3.9), patient.lasts(3.0)]
