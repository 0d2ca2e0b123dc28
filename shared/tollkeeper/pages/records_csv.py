"""The records behind a number as a file for spreadsheets: exactly the rows of the page, with their ids."""

import csv
import io
import json
from collections.abc import Iterator

from tollkeeper.rules.times import iso
from tollkeeper.views.records import RecordsView, RecordView

CONTENT_TYPE = "text/csv; charset=utf-8"

COLUMNS = (
    "id",
    "eventType",
    "quantity",
    "billingMonth",
    "timestamp",
    "facilityId",
    "late",
    "unbilled",
    "dropped",
    "released",
    "reason",
    "actor",
    "eventData",
)

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would take for a formula and carry out."""


def records_csv(found: RecordsView) -> str:
    """Return the rows. A text that a spreadsheet would take for a formula has an apostrophe before it."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for each in found.records:
        writer.writerow(_cells(each))
    return file.getvalue()


def _cells(of: RecordView) -> Iterator[str | int]:
    yield _text(of.id)
    yield _text(of.event_type)
    yield of.quantity
    yield of.billing_month
    yield iso(of.timestamp) if of.timestamp else ""
    yield _text(of.facility_id)
    for flag in (of.late, of.unbilled, of.dropped):
        yield "" if flag is None else str(flag).lower()
    yield "" if of.released is None else of.released
    yield _text(of.reason)
    yield _text(of.actor)
    yield _text(None if of.event_data is None else json.dumps(of.event_data, ensure_ascii=False))


def _text(value: str | None) -> str:
    text = value or ""
    return f"'{text}" if text.startswith(FORMULA) else text
