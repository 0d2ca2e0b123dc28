"""The records that a period's row lists itself, one attribute a line.

| attribute | what it says |
|---|---|
| `+id`     | metric, quantity, day since the period's start, and facility, if there is one |
| `lines`   | how many lines there are |
| `emptied` | how often they were taken out, to be listed on pages |

A line is put once, and goes when all go: as long as `lines` and `emptied` are as they were read, so are the
lines.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple, Self
from uuid import UUID

from tollkeeper.ledger import keys
from tollkeeper.ledger.record_rows import PageLine
from tollkeeper.ledger.table import Key, Row
from tollkeeper.rules.usage import UsageRecord

LINE = "+"
SHORTENED = "+~"
LINES = "lines"
EMPTIED = "emptied"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Line(NamedTuple):
    """A counted record as a period lists it, and the day and facility it is used on."""

    id: str
    metric: str
    quantity: int
    day: date
    facility_id: str | None

    @classmethod
    def of(cls, record: UsageRecord) -> Self:
        """Return the line of a record."""
        return cls(
            record.id, record.metric, record.quantity, record.timestamp.date(), record.facility_id or None
        )

    @property
    def on_page(self) -> PageLine:
        """The same, as a page of its month lists it."""
        return PageLine(self.id, self.metric, self.quantity, self.day.isoformat()[:7])


def cells(period: Key, lines: Iterable[Line]) -> dict[str, str]:
    """Return lines as the row of a period holds them."""
    start = keys.read_period_key(period)[0].date()
    return {
        _name(each.id): f"{each.metric} {each.quantity} {(each.day - start).days} {each.facility_id or ''}"
        for each in lines
    }


def names(row: Row) -> list[str]:
    """Return the attributes of a period's row that are lines."""
    return [name for name in row if name.startswith(LINE)]


def emptied(row: Row) -> int:
    """Return how often a period's row was emptied."""
    return int(row.get(EMPTIED, 0))


def listed_in(row: Row) -> list[Line]:
    """Read what a period's row lists."""
    listed = names(row)
    if not listed:
        return []
    start = keys.read_period_key(Key(str(row["pk"]), str(row["sk"])))[0].date()
    found = []
    for name in listed:
        metric, quantity, days, facility_id = str(row[name]).split(" ", 3)
        day = start + timedelta(days=int(days))
        found.append(Line(_id(name), metric, int(quantity), day, facility_id or None))
    return found


def _name(record_id: str) -> str:
    """Return the attribute of a record's line: a UUID, which many ids are, in 22 characters instead of 36."""
    if _UUID.fullmatch(record_id):
        return SHORTENED + urlsafe_b64encode(UUID(record_id).bytes).decode().rstrip("=")
    return LINE + ("~" if record_id.startswith("~") else "") + record_id


def _id(name: str) -> str:
    if name.startswith(f"{SHORTENED}~"):
        return name.removeprefix(SHORTENED)
    if name.startswith(SHORTENED):
        return str(UUID(bytes=urlsafe_b64decode(name.removeprefix(SHORTENED) + "==")))
    return name.removeprefix(LINE)
