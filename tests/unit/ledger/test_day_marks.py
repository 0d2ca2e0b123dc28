"""Which record marks its day, and what the period's row notes of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.examples import NOW, PERIOD, RECORD
from tollkeeper.ledger import keys
from tollkeeper.ledger.day_marks import MARKED, marks
from tollkeeper.ledger.table import Cells, Row

TODAY = (NOW.date() - PERIOD.start.date()).days
YESTERDAY = replace(RECORD, id="evt-0", timestamp=NOW - timedelta(days=1), accepted_at=NOW)


@pytest.mark.parametrize(
    ("row", "noted"),
    [
        (None, {}),
        ({}, {MARKED: TODAY}),
        ({MARKED: TODAY - 2}, {MARKED: TODAY}),
        ({MARKED: TODAY}, {}),
        ({MARKED: TODAY + 1}, {}),
    ],
    ids=["not read", "nothing noted", "noted an earlier day", "noted today", "noted a later day"],
)
def test_the_row_notes_the_last_day_that_was_marked(row: Row | None, noted: Cells) -> None:
    """What it notes never goes back, and nothing is noted in a row that nobody has read."""
    found = marks([RECORD], ["apiCalls"], NOW, keys.period("ada", PERIOD), row)
    assert noted == found.noted


def test_an_earlier_day_is_marked_and_not_noted() -> None:
    """Of yesterday's record and today's, where today was marked before, the first alone bears an entry."""
    key, at = keys.period("ada", PERIOD), NOW.replace(hour=1)
    found = marks([YESTERDAY, RECORD], ["apiCalls"], at, key, {MARKED: TODAY})
    assert (["evt-0"], {}) == ([*found.due], found.noted)
