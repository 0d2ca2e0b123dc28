"""Whole houses live for some months under one clock, and an auditor that shares no code finds nothing wrong.

`make sim` lives as many as you like; docs/simulation.md says what they are made of.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.deployment import FUNCTIONS
from tests.sim.planted import PLANTED, first_found, only
from tests.sim.simulation import live

ROOT = Path(__file__).parents[2]

SEEDS = (2, 6, 11)
PROMPT = {"record-counted-twice": 1, "closed-a-second-early": 1, "digest-changed": 1}
"""Faults that `make test` plants, and the seed that finds each; `make sim PLANT=all` plants all of them."""


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
    first, second = live(4, days=30, people=1), live(4, days=30, people=1)
    assert first.story == second.story
    assert first.marks == second.marks


def test_in_calm_weather_each_line_is_known_to_the_unit() -> None:
    """The auditor names ranges only where nobody outside can know the instant of a writing."""
    lived = live(1, only("browsing", "mirror"), people=1)
    assert [] == lived.findings
    assert lived.seen["lines to the unit"] >= 3
    assert 0 == lived.seen["lines within a range"]
    assert len(FUNCTIONS) == lived.marks["functions called"]


def test_every_function_of_the_template_is_lived_with() -> None:
    """Each through its own handler."""
    assert {each.parent.name for each in (ROOT / "functions").glob("*/app.py")} == {*FUNCTIONS}


@pytest.mark.parametrize("fault", PROMPT)
def test_a_planted_fault_is_found(fault: str) -> None:
    """The auditor would notice."""
    assert fault in PLANTED
    assert first_found(fault, [PROMPT[fault]]) is not None
