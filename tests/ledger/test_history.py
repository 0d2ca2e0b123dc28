"""What was counted can be read again: by day, record by record; and so can who changed what."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis.stateful import invariant

from tests.examples import CATALOGUE, END, NOW, OFFER, PERIOD, RECORD, START, SUBSCRIPTION, bound
from tests.fakes.table import MemoryTable
from tests.ledger.counting_machine import CountingMachine, run_machine
from tollkeeper.catalogue import LatePolicy
from tollkeeper.ledger import entry_rows, keys, record_rows, rows
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.history import (
    ENOUGH,
    MOST_PAGES,
    SEAL_BYTES,
    History,
    ListedRecord,
    Part,
    UnknownCursorError,
)
from tollkeeper.ledger.lines import Line
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.record_rows import CountedRecord, PageLine
from tollkeeper.ledger.table import MOST_WRITES, Change, Put, Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.audit import Action, AuditEntry
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.series import DayUsage, Span
from tollkeeper.rules.times import iso
from tollkeeper.rules.usage import UsageRecord

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
OCTOBER = START - timedelta(days=31)


def count(table: Table, *records: UsageRecord, now: datetime = NOW, offer: Offer = OFFER) -> None:
    """Count records of one user."""
    counting = Counting(table, offer)
    [user] = counting.profiles([records[0].user_id])
    counting.count(user, records, now=now, patience=for_seconds(5))


def subscribe(table: Table, start: datetime = START, end: datetime = END) -> None:
    """Let Ada's subscription be in a period."""
    users = Users(table)
    user = users.read("ada", start)
    said = replace(SUBSCRIPTION, period_start=start, period_end=end)
    users.write_subscription(user, said, bound(user, said))


def bill_october(table: Table) -> None:
    """Let Ada's subscription renew in November, and her period of October be closed."""
    subscribe(table, OCTOBER, START)
    subscribe(table)
    october = next(each for each in Users(table).read("ada", START).periods if each.end == START)
    Closing(table).close("ada", october, (), None, NOW)


def count_on_a_page(table: Table, record: UsageRecord, now: datetime = NOW) -> None:
    """Count a record in Ada's period as if others had left no room in its row."""
    page = keys.page(keys.period("ada", PERIOD), record.billing_month, now, "random")
    table.transact([record_rows.counted(record, now), Put(page, record_rows.page([Line.of(record).on_page]))])


def walk[T](ask: Callable[[str | None], Part[T]]) -> Iterator[Part[T]]:
    """Ask until the end of a list, each time with the cursor of the answer before."""
    part = ask(None)
    yield part
    while part.cursor is not None:
        part = ask(part.cursor)
        yield part


def all_of[T](ask: Callable[[str | None], Part[T]]) -> list[T]:
    """Return a whole list."""
    return [entry for part in walk(ask) for entry in part.entries]


def period_of(
    history: History, start: datetime, metric: str | None = None, user_id: str = "ada"
) -> list[ListedRecord]:
    """Return all records of a period."""
    return all_of(lambda cursor: history.of_period(user_id, start, metric, cursor))


def month_of(history: History, billing_month: str, user_id: str = "ada") -> list[ListedRecord]:
    """Return all records of a month."""
    return all_of(lambda cursor: history.of_month(user_id, billing_month, None, cursor))


def ids(records: list[ListedRecord]) -> list[str]:
    """Return the ids of records, sorted."""
    return sorted(each.line.id for each in records)


def test_days_are_told_by_facility_and_day(table: Table) -> None:
    """What was used on a day comes once for each facility, by metric."""
    count(
        table,
        replace(RECORD, id="1", quantity=2),
        replace(RECORD, id="2", metric="exports"),
        replace(RECORD, id="3", facility_id="north#1"),
        replace(RECORD, id="4", timestamp=NOW - DAY),
    )
    days = History(table).days("ada", Span(date(2025, 11, 1), date(2025, 11, 30)))
    expected = [
        DayUsage(date(2025, 11, 14), {"apiCalls": 1}),
        DayUsage(date(2025, 11, 15), {"apiCalls": 2, "exports": 1}),
        DayUsage(date(2025, 11, 15), {"apiCalls": 1}),
    ]
    assert expected == sorted(days, key=lambda each: (each.day, -len(each.used)))


def test_days_of_one_facility_leave_the_others_out(table: Table) -> None:
    """Only what happened in the facility asked for is told."""
    count(table, replace(RECORD, id="1"), *(replace(RECORD, id=name, facility_id=name) for name in "abc"))
    days = History(table).days("ada", Span(date(2025, 11, 1), date(2025, 11, 30)), "b")
    assert [DayUsage(date(2025, 11, 15), {"apiCalls": 1})] == list(days)


@pytest.mark.parametrize("facility_id", [None, "north"])
def test_days_begin_and_end_where_they_are_asked_to(table: Table, facility_id: str | None) -> None:
    """The first and the last day are told, the days around them are not."""
    count(
        table,
        *(replace(RECORD, id=str(n), timestamp=NOW - n * DAY, facility_id="north") for n in range(6)),
    )
    days = History(table).days("ada", Span(date(2025, 11, 11), date(2025, 11, 13)), facility_id)
    assert [11, 12, 13] == sorted(each.day.day for each in days)


def test_a_record_is_shown_as_it_was_sent(table: Table) -> None:
    """Time, facility, data and acceptance are as they came."""
    record = replace(RECORD, facility_id="north", event_data='{"tokens":7}', accepted_at=NOW + SECOND)
    subscribe(table)
    count(table, record)
    [listed] = History(table).of_period("ada", START).entries
    assert PageLine("evt-1", "apiCalls", 1, "2025-11") == listed.line
    assert CountedRecord(record, late=False, unbilled=False, dropped=False, released=0) == listed.counted


def test_a_record_says_how_much_of_it_was_released(table: Table) -> None:
    """What was consumed and given back stays listed, with what does not count of it."""
    subscribe(table)
    count(table, replace(RECORD, quantity=5))
    table.transact([Change(keys.record("ada", RECORD.id), set={"released": 3})])
    [listed] = History(table).of_period("ada", START).entries
    assert listed.counted
    assert (5, 3) == (listed.line.quantity, listed.counted.released)


def test_a_correction_is_shown_with_its_reason(table: Table) -> None:
    """What takes back is listed beside what it takes back, and says why and by whom."""
    correction = replace(RECORD, id="evt-2", quantity=-1, reason="sent in error", actor="support")
    subscribe(table)
    count(table, RECORD, correction)
    listed = History(table).of_period("ada", START).entries
    assert [-1, 1] == sorted(each.line.quantity for each in listed)
    assert correction in [each.counted.record for each in listed if each.counted]


def test_every_record_of_full_pages_is_listed_once(table: Table) -> None:
    """Parts end with a page, after a hundred records; none is missing or repeated where they meet."""
    subscribe(table)
    expected = sorted(f"evt-{number}" for number in range(330))
    count(table, *(replace(RECORD, id=name) for name in expected))
    history = History(table)
    parts = list(walk(lambda cursor: history.of_period("ada", START, cursor=cursor)))
    assert expected == ids([each for part in parts for each in part.entries])
    assert all(ENOUGH <= len(part.entries) < ENOUGH + MOST_WRITES for part in parts[:-1])


def test_every_record_of_small_pages_is_listed_once(table: Table) -> None:
    """A part of pages with one record each ends after so many pages, and the last part has no cursor."""
    subscribe(table)
    for number in range(2 * MOST_PAGES):
        count_on_a_page(table, replace(RECORD, id=str(number)), NOW + number * SECOND)
    history = History(table)
    parts = list(walk(lambda cursor: history.of_period("ada", START, cursor=cursor)))
    expected = [str(number) for number in reversed(range(2 * MOST_PAGES))]
    assert expected == [each.line.id for part in parts for each in part.entries]
    assert [MOST_PAGES, MOST_PAGES] == [len(part.entries) for part in parts]


def test_records_of_one_metric_leave_the_others_out(table: Table) -> None:
    """Only the metric asked for is listed, wherever its records stand."""
    subscribe(table)
    metrics = ["apiCalls", "exports", "aiQueries"]
    count(table, *(replace(RECORD, id=f"{n}", metric=metrics[n % 3]) for n in range(250)))
    listed = period_of(History(table), START, "exports")
    assert sorted(str(n) for n in range(250) if n % 3 == 1) == ids(listed)


def test_records_counted_while_reading_do_not_disturb(table: Table) -> None:
    """What comes in between two parts is newer than both, and neither repeats nor hides anything."""
    subscribe(table)
    for number in range(4):
        count_on_a_page(table, replace(RECORD, id=str(number)), NOW + number * SECOND)
    history = History(table, enough=2)
    first = history.of_period("ada", START)
    count_on_a_page(table, replace(RECORD, id="new"), NOW + 9 * SECOND)
    second = history.of_period("ada", START, cursor=first.cursor)
    assert ["0", "1", "2", "3"] == ids([*first.entries, *second.entries])
    assert second.cursor is None


def test_a_late_record_is_listed_where_it_counts(table: Table) -> None:
    """It stands in the open period, marked late, and nowhere in the period that was closed."""
    bill_october(table)
    late = replace(RECORD, timestamp=START - DAY)
    count(table, late)
    history = History(table)
    [listed] = history.of_period("ada", START).entries
    assert CountedRecord(late, late=True, unbilled=False, dropped=False, released=0) == listed.counted
    assert [] == history.of_period("ada", OCTOBER).entries


def test_a_month_lists_its_records_of_every_period(table: Table) -> None:
    """A record belongs to the month of its own timestamp: in its own period, before it, or late after it."""
    subscribe(table, OCTOBER, START)
    count(
        table,
        replace(RECORD, id="September, free", timestamp=OCTOBER - 5 * DAY),
        replace(RECORD, id="October, free", timestamp=OCTOBER - DAY),
        replace(RECORD, id="October", timestamp=OCTOBER + DAY),
        replace(RECORD, id="November, before renewal", timestamp=START - DAY),
        now=OCTOBER + DAY,
    )
    bill_october(table)
    count(
        table,
        replace(RECORD, id="October, late", timestamp=START - 4 * DAY),
        replace(RECORD, id="November", timestamp=NOW),
    )
    history = History(table, enough=1)
    listed = {month: ids(month_of(history, month)) for month in ("2025-09", "2025-10", "2025-11", "2025-12")}
    assert {
        "2025-09": ["September, free"],
        "2025-10": ["October", "October, free", "October, late"],
        "2025-11": ["November", "November, before renewal"],
        "2025-12": [],
    } == listed


def test_a_dropped_record_is_listed_and_counts_nowhere(table: Table) -> None:
    """Where a metric's policy drops what is late, it is shown as dropped, even if nothing else is there."""
    metrics = {**CATALOGUE.metrics, "apiCalls": replace(CATALOGUE.metrics["apiCalls"], late=LatePolicy.DROP)}
    bill_october(table)
    late = replace(RECORD, timestamp=START - 4 * DAY)
    count(table, late, offer=replace(OFFER, catalogue=replace(CATALOGUE, metrics=metrics)))
    [listed] = History(table).of_month("ada", "2025-10").entries
    assert CountedRecord(late, late=True, unbilled=False, dropped=True, released=0) == listed.counted
    assert {} == next(each.used for each in Users(table).read("ada", NOW).periods)


def test_an_expired_record_is_known_by_its_page(table: Table) -> None:
    """Id, metric, quantity and month stay listed after the record itself is gone."""
    line = PageLine("evt-1", "apiCalls", 3, "2025-11")
    page = keys.page(keys.period("ada", PERIOD), line.billing_month, NOW, "random")
    table.transact([Put(page, record_rows.page([line]))])
    expected = ListedRecord(line, None)
    assert [expected] == History(table).of_period("ada", START).entries


def test_audit_entries_are_listed_the_newest_first(table: Table) -> None:
    """The whole trail comes back as it was written, a part at a time."""
    entries = [
        AuditEntry(
            "ada",
            NOW + number * SECOND,
            "stripe",
            Action.SUBSCRIPTION_UPDATED,
            "subscription",
            "sub_ada",
            {"before": {"plan": None}, "after": {"plan": str(number)}},
            event_id=None if number % 2 else f"evt_{number}",
        )
        for number in range(7)
    ]
    for each in entries:
        table.transact([Put(keys.audit("ada", each.at, "random"), entry_rows.audit_entry(each))])
    history = History(table, enough=3)
    parts = list(walk(lambda cursor: history.audit("ada", cursor)))
    assert entries[::-1] == [entry for part in parts for entry in part.entries]
    assert [3, 3, 1] == [len(part.entries) for part in parts]


def test_an_unknown_user_has_no_history(table: Table) -> None:
    """Nothing was used, counted or changed, and there is nothing to go on with."""
    history = History(table)
    assert [] == list(history.days("eve", Span(date(2025, 11, 1), date(2025, 11, 30))))
    empty: Part[Any] = Part([], None)
    assert [empty] * 3 == [
        history.of_period("eve", START),
        history.of_month("eve", "2025-11"),
        history.audit("eve"),
    ]


def cursor_in(table: Table) -> str:
    """Count two records of Ada's, and return the cursor between them."""
    subscribe(table)
    for number in range(2):
        count_on_a_page(table, replace(RECORD, id=str(number)), NOW + number * SECOND)
    cursor = History(table, enough=1).of_period("ada", START).cursor
    assert cursor
    return cursor


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda history, cursor: history.of_period("bob", START, None, cursor), id="user"),
        pytest.param(lambda history, cursor: history.of_period("ada", END, None, cursor), id="period"),
        pytest.param(lambda history, cursor: history.of_period("ada", START, "exports", cursor), id="metric"),
        pytest.param(lambda history, cursor: history.of_month("ada", "2025-11", None, cursor), id="month"),
        pytest.param(lambda history, cursor: history.audit("ada", cursor), id="list"),
    ],
)
def test_a_cursor_is_refused_for_another_question(
    table: Table, ask: Callable[[History, str], object]
) -> None:
    """It belongs to one user and one list: any other question must begin anew."""
    cursor = cursor_in(table)
    with pytest.raises(UnknownCursorError):
        ask(History(table), cursor)


@pytest.mark.parametrize(
    "garbage", ["", "x", "Ã", "AAAA" * 10, "_" * 16 + "7_", "not base64!", "%00", "\x00"]
)
def test_garbage_is_no_cursor(garbage: str) -> None:
    """Whatever was not given out is refused, and nothing is read."""
    with pytest.raises(UnknownCursorError):
        History(MemoryTable()).of_period("ada", START, None, garbage)


def test_a_cursor_is_taken_as_it_was_given_only(table: Table) -> None:
    """Not even what base64 would overlook may differ."""
    cursor = cursor_in(table)
    with pytest.raises(UnknownCursorError):
        History(table).of_period("ada", START, None, f"{cursor}!")


@pytest.mark.parametrize(
    "position",
    ["", "A", "Z", "USER#bob", "PAGE#", f"PAGE#{iso(START)}#", f"PAGE#{iso(START)}#\x00", "\U0010ffff"],
)
def test_a_made_up_position_finds_own_records_only(table: Table, position: str) -> None:
    """Whoever makes up where to go on stays inside of what they may read anyway."""
    cursor = cursor_in(table)
    count(table, replace(RECORD, id="secret", user_id="bob"))
    seal = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[:SEAL_BYTES]
    forged = (
        urlsafe_b64encode(seal + json.dumps([position, {}], separators=(",", ":")).encode())
        .decode()
        .rstrip("=")
    )
    part = History(table).of_period("ada", START, None, forged)
    assert {"0", "1"} >= set(ids(part.entries))


class ReadingMachine(CountingMachine):
    """Does whatever may happen to a user, and reads all of it again after each step."""

    @invariant()
    def each_number_has_its_records(self) -> None:
        """The records listed under a period come to its counters, those under a month to its days."""
        history = History(self.table, enough=3)
        found = [rows.period(row) for row in self.table.query(keys.user(self.user), "PERIOD#", "PERIOD$")]
        counters: Counter[tuple[datetime, str]] = Counter()
        for period in found:
            counters.update({(period.start, metric): units for metric, units in period.used.items()})
        listed: Counter[tuple[datetime, str]] = Counter()
        for start in {period.start for period in found}:
            for each in period_of(history, start, user_id=self.user):
                if each.line.id not in self.model.only_shown:
                    released = self.model.released.get(each.line.id, 0)
                    listed[start, each.line.metric] += each.line.quantity - released
        assert +counters == +listed

    @invariant()
    def each_month_has_its_records_once(self) -> None:
        """Over all months, every record is listed exactly once, as it was sent."""
        history = History(self.table, enough=3)
        months = {record.billing_month for record in self.model.counted.values()}
        listed = [
            each.counted.record
            for month in months
            for each in month_of(history, month, user_id=self.user)
            if each.counted
        ]
        expected = sorted(self.model.counted.values(), key=lambda record: record.id)
        assert expected == sorted(listed, key=lambda record: record.id)


def test_any_history_can_be_read_again() -> None:
    """Whatever was sent, repeated, corrected, closed or renewed: each number has its records, each once."""
    run_machine(ReadingMachine, 50, steps=25)


def test_days_by_facility_sum_to_the_days(table: Table) -> None:
    """Listed in the period's row or in rows of days; usage that named no facility is there as well."""
    subscribe(table)
    facilities = ("house-1", "house#2", None)
    for number in range(14):
        facility = facilities[number % 3]
        count(table, replace(RECORD, id=f"evt-{number}", quantity=number + 1, facility_id=facility))
    span, history = Span(NOW.date(), NOW.date()), History(table)
    days = history.facility_days("ada", span, history.periods("ada", span.last))
    found = {each.facility_id: each.used["apiCalls"] for each in days}
    assert {"house-1": 1 + 4 + 7 + 10 + 13, "house#2": 2 + 5 + 8 + 11 + 14, None: 3 + 6 + 9 + 12} == found
    assert sum(found.values()) == sum(each.used["apiCalls"] for each in history.days("ada", span))
