"""Whole houses live for some months under one clock, and an auditor that shares no code finds nothing wrong.

`make sim` lives as many as you like; docs/simulation.md says what they are made of.
"""

import logging
from collections.abc import Iterator

import pytest

from tests.sim.planted import first_found, only
from tests.sim.simulation import live

SEEDS = (3, 7, 8)
EARLY = 6
"""Seeds within which a fault is found that `make test` plants."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_line_is_what_the_auditor_says(seed: int) -> None:
    """Whatever goes wrong on the way: each accepted record counted once, each overage billed once."""
    lived = live(seed)
    assert [] == lived.findings, f"make sim SEED={seed}"


def test_a_seed_is_lived_the_same_way_again() -> None:
    """What a failure prints can be repeated."""
    first, second = live(4, days=40), live(4, days=40)
    assert first.story == second.story
    assert first.marks == second.marks


def test_in_calm_weather_each_line_is_known_to_the_unit() -> None:
    """The auditor names ranges only where nobody outside can know the instant of a writing."""
    lived = live(1, only(), people=1)
    assert [] == lived.findings
    assert lived.seen["lines to the unit"] >= 3
    assert 0 == lived.seen["lines within a range"]


@pytest.mark.parametrize("fault", ["a record counted twice", "a period ended a second early"])
def test_a_planted_fault_is_found(fault: str) -> None:
    """The auditor would notice; `python -m tests.sim.planted` plants the others."""
    assert first_found(fault, range(1, EARLY)) is not None
