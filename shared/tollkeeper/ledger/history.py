"""The book of what was: usage by day, the records behind every number, and the audit trail.

It is read newest first, a part at a time. A cursor says where the next part begins; it is good for the very
question that it was an answer to, and leads nowhere but into the partition of the user who asks.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from tollkeeper.ledger import entry_rows, keys, record_rows, rows
from tollkeeper.ledger.keys import Range
from tollkeeper.ledger.record_rows import CountedRecord, PageLine
from tollkeeper.ledger.table import Key, Row, Table
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.series import DayUsage, Span
from tollkeeper.rules.times import iso, month_start

ENOUGH = 100
"""What makes a part: so many audit entries at most, or of records so many and the rest of their page."""

MOST_PAGES = ENOUGH
"""Pages read for one part: what was consumed has a page a record, and its lists are as long as others."""

SEAL_BYTES = 12


class UnknownCursorError(Exception):
    """A cursor that was not given for this question."""


@dataclass(frozen=True, slots=True)
class Part[T]:
    """Some of a list, and the cursor with which the next of it comes; None at its end."""

    entries: list[T]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class ListedRecord:
    """A record as its page lists it for ever, and all there was to it while that is kept: 400 days."""

    line: PageLine
    counted: CountedRecord | None


class History:
    """Reads what users did and what was changed, `enough` of it at a time."""

    def __init__(self, table: Table, enough: int = ENOUGH) -> None:
        self._table = table
        self._enough = enough

    def days(self, user_id: str, span: Span, facility_id: str | None = None) -> Iterator[DayUsage]:
        """Return what a user used, in any order: of one facility by day, or by day and facility of all."""
        if facility_id is None:
            found = iter(self._table.query(keys.user(user_id), *keys.days(span.first, span.last)))
        else:
            # Other facilities may be many: what is read follows the days alone.
            found = self._table.get_all(keys.day(user_id, day, facility_id) for day in span)
        return (DayUsage(keys.read_day(_key(row)), rows.used(row)) for row in found)

    def of_period(
        self, user_id: str, start: datetime, metric: str | None = None, cursor: str | None = None
    ) -> Part[ListedRecord]:
        """List the records counted in the period that starts at an instant, of one metric or of all.

        Raises:
            UnknownCursorError: the cursor belongs to another question.
        """
        question = (user_id, "period", iso(start), metric)
        return self._records(question, [keys.pages(iso(start))], cursor)

    def of_month(
        self, user_id: str, billing_month: str, metric: str | None = None, cursor: str | None = None
    ) -> Part[ListedRecord]:
        """List the records stamped in a month such as `2025-10`, in whichever period each was counted.

        A late one may stand in any later period. Each has a row, which is written with its first page.

        Raises:
            UnknownCursorError: the cursor belongs to another question.
        """
        beginning = iso(month_start(billing_month))
        periods = [
            keys.read_period(_key(row))[2]
            for row in self._table.query(keys.user(user_id), *keys.periods_alone())
            if str(row.get("periodEnd", beginning)) >= beginning or "void" in row
        ]
        question = (user_id, "month", billing_month, metric)
        return self._records(question, [keys.pages(f"{each}#{billing_month}") for each in periods], cursor)

    def audit(self, user_id: str, cursor: str | None = None) -> Part[AuditEntry]:
        """List what was changed of a user, and by whom.

        Raises:
            UnknownCursorError: the cursor belongs to another question.
        """
        question = (user_id, "audit")
        found = self._walk(user_id, [keys.audit_trail()], _position(cursor, question), self._enough + 1)
        entries = [entry_rows.read_audit_entry(row) for row in found[: self._enough]]
        return Part(entries, _cursor(question, found[self._enough :]))

    def _records(
        self, question: tuple[str, str, str, str | None], ranges: Sequence[Range], cursor: str | None
    ) -> Part[ListedRecord]:
        user_id, *_, metric = question
        pages = self._walk(user_id, ranges, _position(cursor, question), MOST_PAGES + 1)
        lines: list[PageLine] = []
        opened = 0
        while opened < min(len(pages), MOST_PAGES) and len(lines) < self._enough:
            lines += (line for line in record_rows.lines(pages[opened]) if metric in {None, line.metric})
            opened += 1
        wanted = [keys.record(user_id, line.id) for line in lines]
        kept = {_key(row): record_rows.counted_record(row) for row in self._table.get_all(wanted)}
        records = [ListedRecord(line, kept.get(key)) for line, key in zip(lines, wanted, strict=True)]
        return Part(records, _cursor(question, pages[opened:]))

    def _walk(self, user_id: str, ranges: Sequence[Range], position: str | None, most: int) -> list[Row]:
        """Return the highest rows of ranges that are themselves the highest first, from a position down."""
        found: list[Row] = []
        for first, last in ranges:
            highest = last if position is None else min(last, position)
            if highest >= first and len(found) < most:
                found += self._table.query(keys.user(user_id), first, highest, most - len(found))
        return found


def _key(row: Row) -> Key:
    return Key(str(row["pk"]), str(row["sk"]))


def _cursor(question: Sequence[str | None], rest: Sequence[Row]) -> str | None:
    return _sealed(question, str(rest[0]["sk"])) if rest else None


def _sealed(question: Sequence[str | None], position: str) -> str:
    """Write a position so that it fits one question only.

    This keeps mistakes out, not attackers: whatever position somebody makes up is one in their own rows.
    """
    seal = sha256(json.dumps(question).encode()).digest()[:SEAL_BYTES]
    return urlsafe_b64encode(seal + position.encode()).decode().rstrip("=")


def _position(cursor: str | None, question: Sequence[str | None]) -> str | None:
    if cursor is None:
        return None
    try:
        position = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[SEAL_BYTES:].decode()
    except ValueError as error:
        raise UnknownCursorError from error
    if _sealed(question, position) != cursor:
        raise UnknownCursorError
    return position
