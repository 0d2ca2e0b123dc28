"""How pages write words, and draw what is used."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.pages.writing import CHART_HEIGHT, DAY_WIDTH, brief, columns
from tollkeeper.rules.facilities import FacilityUsage, Share
from tollkeeper.views.dashboard import ChartView


def chart(*facilities: list[int]) -> ChartView:
    """Return a chart of what facilities used by day."""
    told = [FacilityUsage(Share.FACILITY, str(number), by_day) for number, by_day in enumerate(facilities)]
    return ChartView("exports", "Exports", told)


def drawn(path: str) -> dict[int, tuple[int, int]]:
    """Return where each day of a path begins and ends, in units from the chart's top."""
    x, y, found = 0, 0, {}
    for to_x, to_y, height in re.findall(r"m(-?\d+) (-?\d+)v-(\d+)", path):
        x, y = x + int(to_x), y + int(to_y)
        found[x // DAY_WIDTH] = (y, y - int(height))
        y -= int(height)
    return found


def test_columns_stand_on_each_other() -> None:
    """A day's facilities one above the other, the busiest day as high as the chart."""
    first, second = columns(chart([30, 0, 10], [30, 20, 0]))
    assert {0: (60, 30), 2: (60, 50)} == drawn(first)
    assert {0: (30, 0), 1: (60, 40)} == drawn(second)


@given(st.lists(st.lists(st.integers(-5, 1_000), min_size=31, max_size=31), min_size=1, max_size=6))
def test_whatever_was_used_is_seen_and_takes_little(facilities: list[list[int]]) -> None:
    """Each day and facility on which something was used is at least a unit high, and ten bytes at most."""
    for by_day, path in zip(facilities, columns(chart(*facilities)), strict=True):
        found = drawn(path)
        assert {number for number, quantity in enumerate(by_day) if quantity > 0} == found.keys()
        assert all(bottom > top and bottom <= CHART_HEIGHT for bottom, top in found.values())
        assert len(path) <= 12 * len(found)


@given(st.text(max_size=200), st.integers(4, 60))
def test_what_is_long_keeps_its_beginning_and_its_end(text: str, most: int) -> None:
    """What is not stays whole."""
    short = brief(text, most)
    if len(text) <= most:
        assert text == short
    else:
        before, _, after = short.partition("…")
        assert most == len(short)
        assert "…" in text or (text.startswith(before) and text.endswith(after) and after)
