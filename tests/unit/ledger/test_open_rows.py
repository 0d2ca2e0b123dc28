"""What must hold of a period's row for usage to be counted in it."""

from dataclasses import replace

import pytest

from tests.examples import END, PERIOD
from tollkeeper.ledger.open_rows import has_moved, takes
from tollkeeper.ledger.table import Condition, Is, Row, absent
from tollkeeper.rules.periods import Period
from tollkeeper.rules.times import iso

UNREAD = replace(PERIOD, pinned=None)
CAPPED = replace(UNREAD, spending_cap=500)
OPEN = [absent("closedAt"), absent("void")]
ENDS = Condition("periodEnd", Is.EQUAL, END, or_absent=True)


@pytest.mark.parametrize(
    ("period", "conditions"),
    [
        pytest.param(UNREAD, [*OPEN, ENDS], id="one that may have begun"),
        pytest.param(CAPPED, [*OPEN, ENDS, absent("terms")], id="one that is begun under a cap"),
        pytest.param(replace(CAPPED, pinned="terms"), [*OPEN, ENDS], id="one that was read"),
        pytest.param(replace(UNREAD, end=None), [*OPEN, absent("periodEnd")], id="a provisional one"),
    ],
)
def test_a_row_takes_usage_as_what_it_was_named_for(period: Period, conditions: list[Condition]) -> None:
    """Open, with the end that it was named with; and new, where a cap would begin with it."""
    assert conditions == takes(period)


@pytest.mark.parametrize(
    ("row", "period", "moved"),
    [
        ({}, UNREAD, False),
        ({"terms": "t", "periodEnd": iso(END)}, UNREAD, False),
        ({"terms": "t", "periodEnd": iso(END), "closedAt": "now"}, UNREAD, True),
        ({"terms": "t", "periodEnd": iso(END), "void": True}, UNREAD, True),
        ({"terms": "t"}, UNREAD, True),
        ({"terms": "t"}, replace(UNREAD, end=None), False),
        ({"terms": "t", "periodEnd": iso(END)}, CAPPED, True),
        ({"periodEnd": iso(END)}, CAPPED, False),
        ({"terms": "t", "periodEnd": iso(END)}, replace(CAPPED, pinned="t"), False),
    ],
)
def test_a_row_that_is_something_else_has_moved(*, row: Row, period: Period, moved: bool) -> None:
    """Closed, void, with another end, or begun where it was to be new."""
    assert moved is has_moved(row, period)
