"""Lines of a period's row: a table outlives the release that wrote them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from tests.examples import RECORD
from tollkeeper.ledger import keys
from tollkeeper.ledger.lines import Line, line_cells, listed_in, names

if TYPE_CHECKING:
    from tollkeeper.ledger.table import Row

START = datetime(2025, 11, 3, 9, 30, 15, tzinfo=UTC)
PERIOD = keys.period_of("ada", START, "sub_1")
UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.mark.parametrize(
    ("record_id", "name"),
    [
        ("evt-1", "+evt-1"),
        ("~evt", "+~~evt"),
        ("+evt=", "++evt="),
        (UUID, "+~PyUE4E-JQdOaDAMF6CwzAQ"),
        (UUID.upper(), f"+{UUID.upper()}"),
    ],
)
def test_a_line_is_spelled_as_ever_and_read_back(record_id: str, name: str) -> None:
    """A UUID in 22 characters, anything else as it is; the day counts from the period's first."""
    line = Line(record_id, "exports", 3, date(2025, 11, 5), "north east")
    cells = line_cells(PERIOD, [line])
    assert {name: "exports 3 2 north east"} == cells
    row: Row = {"pk": PERIOD.pk, "sk": PERIOD.sk, "used_exports": 3, **cells}
    assert ([name], [line]) == (names(row), listed_in(row))


def test_a_record_of_no_facility_has_none() -> None:
    """Also on the day before the period's first, for what came late."""
    record = replace(RECORD, timestamp=datetime(2025, 11, 2, 23, tzinfo=UTC), facility_id="")
    line = Line.of(record)
    cells = line_cells(PERIOD, [line])
    assert {"+evt-1": "apiCalls 1 -1 "} == cells
    assert [Line("evt-1", "apiCalls", 1, date(2025, 11, 2), None)] == listed_in(
        {"pk": PERIOD.pk, "sk": PERIOD.sk, **cells}
    )
    assert "2025-11" == line.on_page.billing_month
