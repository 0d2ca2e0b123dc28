"""How long somebody tries again."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count

import pytest

from tests.examples import NOW, OFFER, RECORD
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.consuming import Consuming, Release
from tollkeeper.ledger.decisions import Decisions
from tollkeeper.ledger.patience import ContendedError, Patience, for_seconds
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.table import Table, UnavailableError, Write
from tollkeeper.rules.decisions import Choice, Wish
from tollkeeper.rules.users import User


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


class Silent(MemoryTable):
    """A table that gives no answer to its first writes."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def transact(self, writes: Sequence[Write]) -> None:
        """Give none, or write."""
        if self.times:
            self.times -= 1
            raise UnavailableError(writes)
        super().transact(writes)


@pytest.mark.usefixtures("longest")
@pytest.mark.parametrize(
    "work",
    [
        lambda table, waiting: Consuming(table, OFFER).consume(replace(RECORD, id="evt-2"), waiting),
        lambda table, waiting: Consuming(table, OFFER).release(
            Release("ada", "evt-1", "apiCalls", NOW), waiting
        ),
        lambda table, waiting: SpendingCaps(table, OFFER).set("ada", 500, NOW, waiting),
        lambda table, waiting: Decisions(table).take(User("ada"), Wish(Choice.CANCEL), NOW, waiting),
    ],
    ids=["consume", "release", "cap", "decide"],
)
def test_whoever_gets_no_answer_waits_longer_each_time(work: Callable[[Table, Patience], object]) -> None:
    """Each that writes again and again begins with a fiftieth of a second."""
    table, slept = Silent(), list[float]()
    Consuming(table, OFFER).consume(RECORD, Patience(lambda: 10.0))
    table.times = 4
    work(table, Patience(lambda: 10.0, slept.append))
    assert [0.02, 0.04, 0.08, 0.16] == slept


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
