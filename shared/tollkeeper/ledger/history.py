"""The book of what was: usage by day, the records behind every number, and the audit trail.

It is read newest first, a part at a time. A cursor says where the next part begins; it is good for the very
question that it was an answer to, and leads nowhere but into the partition of the user who asks.

Some records are listed in their period's row, and may be taken out of it, to pages and days, by whoever
counts meanwhile. So the row is read, then the rest, then the row again, until it was not emptied in between.
A list begins with the rows' lines, whole; pages that came of later emptyings are left out of what follows.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import NamedTuple

from tollkeeper.ledger import entry_rows, keys, record_rows, rows
from tollkeeper.ledger.keys import Range
from tollkeeper.ledger.lines import Line, emptied, listed_in
from tollkeeper.ledger.record_rows import CountedRecord, PageLine
from tollkeeper.ledger.rows import PeriodRows
from tollkeeper.ledger.table import Key, Row, Table, UnavailableError
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.series import DayUsage, FacilityDay, Span
from tollkeeper.rules.times import iso, month_start

ENOUGH = 100
"""What makes a part: so many audit entries at most, or of records so many and the rest of their page."""

MOST_PAGES = ENOUGH
"""Pages read for one part: some list one record each, and a part of those is as long as others."""

SEAL_BYTES = 12


MOST_ATTEMPTS = 20
"""Readings of what moves while it is read; a row is emptied a few times a second at most."""

type _Question = tuple[str, str, str, str | None]


class _Position(NamedTuple):
    """Where a list goes on, and what its first part gave: periods' rows, each as often emptied as it was."""

    sk: str
    given: Mapping[str, int]


class _Listed(NamedTuple):
    """What a period's row lists of what is asked for, and how often it was emptied before."""

    key: Key
    emptied: int
    lines: Sequence[Line]

    @property
    def name(self) -> str:
        """The period's name among the user's periods."""
        return keys.read_period(self.key)[2]


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
        """Return what a user used, in any order: of one facility by day, or by day and facility of all.

        Raises:
            UnavailableError: what was listed moved again and again while it was read.
        """
        used = self._days(user_id, span, facility_id, self.periods(user_id, span.last))
        return (DayUsage(keys.read_day(key), dict(units)) for key, units in used.items())

    def periods(self, user_id: str, last: date) -> PeriodRows:
        """Return a user's periods that began on a day or before, with what they list."""
        found = self._table.query(keys.user(user_id), *keys.periods_until(last))
        return PeriodRows(found, tuple(map(rows.period, found)))

    def facility_days(self, user_id: str, span: Span, periods: PeriodRows) -> Iterator[FacilityDay]:
        """Return what a user used by day and facility, in any order; of their periods as they were read.

        Raises:
            UnavailableError: what was listed moved again and again while it was read.
        """
        used = self._days(user_id, span, None, periods)
        return (
            FacilityDay(keys.read_day(key), keys.read_facility(key), dict(units))
            for key, units in used.items()
        )

    def _days(
        self, user_id: str, span: Span, facility_id: str | None, periods: PeriodRows
    ) -> Mapping[Key, Counter[str]]:
        def is_asked_for(line: Line) -> bool:
            return span.first <= line.day <= span.last and facility_id in {None, line.facility_id or ""}

        def read() -> list[Row]:
            if facility_id is None:
                return self._table.query(keys.user(user_id), *keys.days(span.first, span.last))
            # Other facilities may be many: what is read follows the days alone.
            return list(self._table.get_all(keys.day(user_id, day, facility_id) for day in span))

        listed, found = self._undisturbed(periods.read, is_asked_for, read)
        used = {_key(row): Counter(rows.used(row)) for row in found}
        for line in (line for each in listed for line in each.lines):
            day = used.setdefault(keys.day(user_id, line.day, line.facility_id), Counter())
            day[line.metric] += line.quantity
        return used

    def of_period(
        self, user_id: str, start: datetime, metric: str | None = None, cursor: str | None = None
    ) -> Part[ListedRecord]:
        """List the records counted in the period that starts at an instant, of one metric or of all.

        Raises:
            UnknownCursorError: the cursor belongs to another question.
        """
        question = (user_id, "period", iso(start), metric)
        here = _position(cursor, question)
        periods = [] if here else self._table.query(keys.user(user_id), *keys.periods_from(start))
        return self._records(question, here, periods, [keys.pages(iso(start))])

    def behind(self, user_id: str, period_id: str, cursor: str | None = None) -> Part[ListedRecord]:
        """List the records counted in one period, by the name that it has among its user's.

        Raises:
            UnknownCursorError: the cursor belongs to another question.
        """
        question = (user_id, "behind", period_id, None)
        here = _position(cursor, question)
        periods = [] if here else [*self._table.get_all([keys.period_by_id(user_id, period_id)])]
        return self._records(question, here, periods, [keys.pages(period_id)])

    def of_month(
        self, user_id: str, billing_month: str, metric: str | None = None, cursor: str | None = None
    ) -> Part[ListedRecord]:
        """List the records stamped in a month such as `2025-10`, in whichever period each was counted.

        A late one may stand in any later period. Each has a row, which is written with its first page.

        Raises:
            UnknownCursorError: the cursor belongs to another question.
        """
        beginning = iso(month_start(billing_month))
        question = (user_id, "month", billing_month, metric)
        here = _position(cursor, question)
        periods = self._table.query(keys.user(user_id), *keys.periods_alone())
        names = [
            keys.read_period(_key(row))[2]
            for row in periods
            if str(row.get("periodEnd", beginning)) >= beginning or "void" in row
        ]
        ranges = [keys.pages(f"{each}#{billing_month}") for each in names]
        return self._records(question, here, [] if here else periods, ranges)

    def audit(self, user_id: str, cursor: str | None = None) -> Part[AuditEntry]:
        """List what was changed of a user, and by whom.

        Raises:
            UnknownCursorError: the cursor belongs to another question.
        """
        question = (user_id, "audit")
        here = _position(cursor, question)
        found = self._walk(user_id, [keys.audit_trail()], here.sk if here else None, self._enough + 1)
        entries = [entry_rows.read_audit_entry(row) for row in found[: self._enough]]
        return Part(entries, _cursor(question, found[self._enough :]))

    def _records(
        self, question: _Question, here: _Position | None, periods: Sequence[Row], ranges: Sequence[Range]
    ) -> Part[ListedRecord]:
        """Return a part of a list: the first begins with what the rows of `periods` list."""
        user_id, kind, of, metric = question

        def is_asked_for(line: Line) -> bool:
            return metric in {None, line.metric} and (kind != "month" or line.on_page.billing_month == of)

        def read() -> list[Row]:
            return self._walk(user_id, ranges, here.sk if here else None, MOST_PAGES + 1)

        listed, pages = self._undisturbed(periods, is_asked_for, read)
        given = here.given if here else {row.name: row.emptied for row in listed}
        lines = [line.on_page for row in listed for line in row.lines]
        opened = 0
        while opened < min(len(pages), MOST_PAGES) and len(lines) < self._enough:
            page = pages[opened]
            if not _is_given(page, given):
                lines += (line for line in record_rows.lines(page) if metric in {None, line.metric})
            opened += 1
        wanted = [keys.record(user_id, line.id) for line in lines]
        kept = {_key(row): record_rows.counted_record(row) for row in self._table.get_all(wanted)}
        records = [ListedRecord(line, kept.get(key)) for line, key in zip(lines, wanted, strict=True)]
        return Part(records, _cursor(question, pages[opened:], given))

    def _undisturbed(
        self, periods: Iterable[Row], is_asked_for: Callable[[Line], bool], read: Callable[[], list[Row]]
    ) -> tuple[list[_Listed], list[Row]]:
        """Return what periods' rows list of what is asked for, and what was read while none was emptied.

        Raises:
            UnavailableError: they were emptied again and again.
        """
        for _ in range(MOST_ATTEMPTS):
            listed = [each for row in periods if (each := _listed(row, is_asked_for)).lines]
            rest = read()
            if not listed:
                return [], rest
            periods = list(self._table.get_all([each.key for each in listed]))
            if {each.key: each.emptied for each in listed} == {_key(row): emptied(row) for row in periods}:
                return listed, rest
        raise UnavailableError

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


def _listed(row: Row, is_asked_for: Callable[[Line], bool]) -> _Listed:
    asked_for = sorted(
        filter(is_asked_for, listed_in(row)), key=lambda line: (line.day, line.id), reverse=True
    )
    return _Listed(_key(row), emptied(row), asked_for)


def _is_given(page: Row, given: Mapping[str, int]) -> bool:
    """Whether a page lists what was in its period's row, and given, when the list began."""
    name = keys.read_period(keys.read_page(_key(page))[0])[2]
    return name in given and int(page.get(record_rows.EMPTYING, 0)) > given[name]


def _cursor(
    question: Sequence[str | None], rest: Sequence[Row], given: Mapping[str, int] | None = None
) -> str | None:
    return _sealed(question, _Position(str(rest[0]["sk"]), given or {})) if rest else None


def _sealed(question: Sequence[str | None], position: _Position) -> str:
    """Write a position so that it fits one question only.

    This keeps mistakes out, not attackers: whatever position somebody makes up is one in their own rows.
    """
    seal = sha256(json.dumps(question).encode()).digest()[:SEAL_BYTES]
    text = json.dumps(position, separators=(",", ":"))
    return urlsafe_b64encode(seal + text.encode()).decode().rstrip("=")


def _position(cursor: str | None, question: Sequence[str | None]) -> _Position | None:
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[SEAL_BYTES:].decode()
        sk, given = json.loads(text)
        position = _Position(str(sk), {str(name): int(number) for name, number in given.items()})
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise UnknownCursorError from error
    if _sealed(question, position) != cursor:
        raise UnknownCursorError
    return position
