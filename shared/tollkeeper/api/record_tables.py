"""Records as a table for people: CSV, which spreadsheets open."""

import csv
import json
from collections.abc import Iterable
from io import StringIO

from tollkeeper.rules.times import iso
from tollkeeper.views.records import RecordView

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


def record_table(records: Iterable[RecordView]) -> str:
    """Return records as CSV, with a first line that names the columns."""
    written = StringIO()
    lines = csv.writer(written)
    lines.writerow(COLUMNS)
    lines.writerows(_line(each) for each in records)
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
