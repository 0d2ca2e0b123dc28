"""How fast somebody tries again at a row that many are at."""

import random

import pytest

from tollkeeper.ledger.pace import Pace
from tollkeeper.ledger.patience import ContendedError, Patience


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """What chance was asked for: from, to."""
    asked: list[tuple[float, float]] = []

    def uniform(least: float, most: float) -> float:
        asked.append((least, most))
        return most

    monkeypatch.setattr(random, "uniform", uniform)
    return asked


def test_whoever_loses_again_waits_longer(drawn: list[tuple[float, float]]) -> None:
    """A third of a second at most, then a second, then four."""
    slept: list[float] = []
    losing = Pace(Patience(lambda: 10.0, slept.append))
    for _ in range(4):
        losing.lose()
    losing.stay_away()
    assert [(0.15, 0.35), (0.2, 1.0), (1.0, 4.0), (1.0, 4.0), (0.5, 4.0)] == drawn
    assert [most for _, most in drawn] == slept


def test_a_row_is_crowded_when_it_takes_more_than_45_units_a_second() -> None:
    """Between two looks at it; at the first look nobody knows."""
    seconds = iter([8.0, 7.0, 6.0, 6.0])
    looking = Pace(Patience(lambda: next(seconds)))
    assert [False, False, True, False] == [looking.is_crowded(units) for units in (100, 145, 191, 900)]


@pytest.mark.usefixtures("drawn")
def test_nobody_waits_beyond_their_time() -> None:
    """Whose time is up is told so."""
    late = Pace(Patience(lambda: 0.3, lambda _: None))
    with pytest.raises(ContendedError):
        late.lose()
    with pytest.raises(ContendedError):
        late.stay_away()
