"""Records as a table for spreadsheets."""

import csv
import io

import pytest

from tests.examples import NOW
from tollkeeper.views.record_tables import COLUMNS, record_table
from tollkeeper.views.records import RecordsView, RecordView


def rows(*records: RecordView) -> list[dict[str, str]]:
    """Return what a spreadsheet reads."""
    return list(csv.DictReader(io.StringIO(record_table(lambda _: RecordsView(list(records), None)).text)))


def test_each_record_is_a_row_with_its_id() -> None:
    """All there is to it, in the columns' order."""
    record = RecordView(
        "evt-1", "exports", -2, "2025-11", NOW, "house, 1", {"a": "ü"}, late=False, released=1
    )
    (found,) = rows(record)
    assert list(COLUMNS) == list(found)
    assert ("evt-1", "-2", "2025-11-15T12:00:00Z", "house, 1", "false", "1", '{"a": "ü"}') == (
        found["id"],
        found["quantity"],
        found["timestamp"],
        found["facilityId"],
        found["late"],
        found["released"],
        found["eventData"],
    )


def test_a_record_that_has_expired_keeps_what_is_left_of_it() -> None:
    """The rest is empty."""
    (found,) = rows(RecordView("evt-1", "exports", 2, "2024-01"))
    assert ["evt-1", "exports", "2", "0", "", "", "2024-01", ""] == list(found.values())[:8]


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_is_a_formula(begins: str) -> None:
    """A spreadsheet would carry it out on the computer of whoever opens the file."""
    sent = f"{begins}HYPERLINK(1)"
    (found,) = rows(RecordView(sent, "exports", 1, "2025-11", NOW, sent, reason=sent, actor=sent))
    assert {f"'{sent}"} == {found[each] for each in ("id", "facilityId", "reason", "actor")}


def test_a_table_ends_where_the_list_ends() -> None:
    """Part after part."""
    parts = {
        None: RecordsView([RecordView("a", "exports", 1, "2025-11")], "b"),
        "b": RecordsView([RecordView("b", "exports", 1, "2025-11")], None),
    }
    table = record_table(lambda cursor: parts[cursor])
    assert (2, None, 3) == (table.rows, table.cursor, len(table.text.splitlines()))
