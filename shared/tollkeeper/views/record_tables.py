"""Records as a table for people, which spreadsheets open: all of a list, or as many as an answer holds."""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO

from tollkeeper.rules.times import iso
from tollkeeper.views.records import ReadRecords, RecordView

COLUMNS = (
    "id",
    "eventType",
    "quantity",
    "released",
    "timestamp",
    "acceptedAt",
    "billingMonth",
    "facilityId",
    "late",
    "unbilled",
    "dropped",
    "reason",
    "actor",
    "eventData",
)

READ_AS_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that spreadsheets would reckon rather than show."""

MOST_BYTES = 5_500_000
"""Of a table, as JSON writes it: Lambda answers with 6 MB at most, the headers included.

A part of a list is a few hundred records at most, of 4 KB of data each: one alone always fits.
"""

MOST_PARTS = 200
"""Parts of a list in one table, a hundred records and more each: as many as are read while somebody waits."""


@dataclass(frozen=True, slots=True)
class RecordTable:
    """A table of records, its first line naming the columns, and the cursor with which the next begins."""

    text: str
    rows: int
    cursor: str | None


def record_table(read: ReadRecords, cursor: str | None = None) -> RecordTable:
    """Return all records that `read` gives from a cursor on, or as many of them as one answer may hold."""
    written, rows, size = [_lines([COLUMNS])], 0, 0
    for _ in range(MOST_PARTS):
        part = read(cursor)
        lines = _lines(_line(each) for each in part.records)
        size += len(json.dumps(lines))
        if size > MOST_BYTES and rows:
            break  # the next table begins with this part
        written.append(lines)
        rows, cursor = rows + len(part.records), part.cursor
        if cursor is None:
            break
    return RecordTable("".join(written), rows, cursor)


def _lines(cells: Iterable[Iterable[str]]) -> str:
    written = StringIO()
    csv.writer(written).writerows(cells)
    return written.getvalue()


def _line(of: RecordView) -> list[str]:
    return [
        _text(of.id),
        _text(of.event_type),
        str(of.quantity),
        str(of.released or 0),
        iso(of.timestamp) if of.timestamp else "",
        iso(of.accepted_at) if of.accepted_at else "",
        of.billing_month,
        _text(of.facility_id),
        *(_mark(each) for each in (of.late, of.unbilled, of.dropped)),
        _text(of.reason),
        _text(of.actor),
        "" if of.event_data is None else json.dumps(of.event_data, ensure_ascii=False),
    ]


def _mark(of: bool | None) -> str:  # noqa: FBT001 - what it writes is a truth
    return "" if of is None else str(of).lower()


def _text(of: str | None) -> str:
    return f"'{of}" if of and of.startswith(READ_AS_FORMULAS) else of or ""
