"""How a tracker waits for others who are at the same period."""

import random
from collections.abc import Iterable, Iterator, Sequence

import pytest

from tests.examples import NOW, OFFER, RECORD
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Key, Refused, Row, TransactionCancelledError, Write


class Moving(MemoryTable):
    """A table in which the period has just closed, a few times, whenever it is looked at."""

    times = 4

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Return the rows, or a period that has closed."""
        wanted = [*keys]
        if self.times and all(each.sk.startswith("PERIOD") for each in wanted):
            self.times -= 1
            return iter(
                [{"pk": each.pk, "sk": each.sk, "closedAt": "2025-11-15T12:00:00Z"} for each in wanted]
            )
        return super().get_all(wanted)


class Contended(MemoryTable):
    """A table at whose rows somebody else is a few times."""

    times = 4

    def transact(self, writes: Sequence[Write]) -> None:
        """Lose a race, or write."""
        if self.times:
            self.times -= 1
            raise TransactionCancelledError([Refused()] * len(writes))
        super().transact(writes)


def test_each_time_the_period_moves_the_wait_is_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever moves it may be at it still."""
    monkeypatch.setattr(random, "uniform", lambda _, most: most)
    slept: list[float] = []
    counting = Counting(Moving(), OFFER)
    (profile,) = counting.profiles(["ada"])
    tally = counting.count(profile, [RECORD], now=NOW, patience=Patience(lambda: 9.0, slept.append))
    assert ([RECORD], [0.02, 0.04, 0.08, 0.16]) == (tally.counted, slept)


def test_each_lost_race_is_followed_by_a_longer_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as long each time, and then it is counted, once."""
    monkeypatch.setattr(random, "uniform", lambda _, most: most)
    slept: list[float] = []
    counting = Counting(Contended(), OFFER)
    (profile,) = counting.profiles(["ada"])
    tally = counting.count(profile, [RECORD], now=NOW, patience=Patience(lambda: 9.0, slept.append))
    assert ([RECORD], [0.02, 0.04, 0.08, 0.16]) == (tally.counted, slept)
