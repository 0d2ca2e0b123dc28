"""A failing seed made small: fewer features, days and people, as long as something is found."""

from collections.abc import Iterator

from tests.sim.features import Features
from tests.sim.simulation import Lived, live

FEWEST_DAYS = 20


def shrunk(lived: Lived) -> Lived:
    """Return the smallest world near a failing one in which something is found as well."""
    smallest, is_smaller = lived, True
    while is_smaller:
        is_smaller = False
        for features, days, people in _smaller(smallest):
            tried = live(lived.seed, features, days, people)
            if tried.findings:
                smallest, is_smaller = tried, True
                break
    return smallest


def _smaller(lived: Lived) -> Iterator[tuple[Features, int, int]]:
    if lived.people > 1:
        yield lived.features, lived.days, 1
    if lived.days > FEWEST_DAYS:
        yield lived.features, max(FEWEST_DAYS, lived.days * 2 // 3), lived.people
    for name in lived.features.on:
        yield lived.features.without(name), lived.days, lived.people
