"""Ada's period over two months, with two facilities and three metrics, its row full to the last line."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial

from tests.examples import bound
from tests.fakes.table import MemoryTable
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys, record_rows, rows
from tollkeeper.ledger.closing import Closing, PeriodMovedError
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.history import History
from tollkeeper.ledger.lines import listed_in
from tollkeeper.ledger.listing import FEW
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Key, Row, Table, Write
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.series import Span
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.usage import UsageRecord

START = datetime(2026, 3, 25, 12, tzinfo=UTC)
NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)
OFFER = Offer(load(), date(2000, 1, 1))
SUBSCRIPTION = Subscription(
    "sub_1", "cus_1", "professional", Status.ACTIVE, START, START, START + timedelta(days=31)
)
SPAN = Span(date(2026, 3, 1), date(2026, 4, 30))
PERIOD = keys.period_of("ada", START, "sub_1")
METRICS = ("apiCalls", "aiQueries", "exports")
FACILITIES = ("north", None)

unhurried = partial(Patience, lambda: 60.0, sleep=lambda _: None)

type Units = Counter[tuple[date, str, str]]
"""Units by day, facility and metric."""


def record(name: str, number: int = 0) -> UsageRecord:
    """Return a record of March or April, of one of the metrics and facilities."""
    stamp = NOW - timedelta(days=number % 5)
    facility = FACILITIES[number % len(FACILITIES)]
    return UsageRecord(name, "ada", METRICS[number % len(METRICS)], 1 + number % 2, stamp, NOW, facility)


@cache
def fitting() -> tuple[UsageRecord, ...]:
    """Return records that leave no room in the row: as many of all kinds as fit, then of the smallest."""
    table, records = subscribed(MemoryTable()), list[UsageRecord]()
    smallest = [record(letter, 5) for letter in "zyxwv"]
    while True:
        before = {key: dict(row) for key, row in table.rows.items()}
        count(table, next_one := record(f"full-{len(records):02}", len(records)))
        if "emptied" not in row_of(table):
            records.append(next_one)
            continue
        table.rows = before
        count(table, next_one := smallest.pop())
        if "emptied" in row_of(table):
            return tuple(records)
        records.append(next_one)


def subscribed[T: Table](table: T) -> T:
    """Let Ada subscribe."""
    users = Users(table)
    user = users.read("ada", START)
    users.write_subscription(user, SUBSCRIPTION, bound(user, SUBSCRIPTION, at=START, offer=OFFER))
    return table


def full[T: Table](table: T) -> T:
    """Let Ada subscribe, and fill the row of her period."""
    subscribed(table)
    for each in fitting():
        count(table, each)
    assert len(fitting()) == row_of(table)["lines"]
    return table


def known() -> tuple[UsageRecord, ...]:
    """Return what a crowded table holds."""
    many = (replace(record(f"many-{number:02}", number), timestamp=NOW) for number in range(FEW + 1))
    return (*fitting(), *many)


def crowded() -> dict[Key, Row]:
    """Return the rows of a table where Ada's period is full of lines, and others stand on a page of April."""
    table = full(MemoryTable())
    count(table, *known()[len(fitting()) :])
    return table.rows


def row_of(table: Table) -> Row:
    """Return the row of Ada's period."""
    (row,) = table.get_all([PERIOD])
    return row


def count(table: Table, *records: UsageRecord) -> None:
    """Count records."""
    counting = Counting(table, OFFER)
    (user,) = counting.profiles(["ada"])
    assert [] == counting.count(user, records, now=NOW, patience=unhurried()).left


def consume(table: Table, wanted: UsageRecord) -> None:
    """Consume."""
    assert Consuming(table, OFFER).consume(wanted, unhurried()).barrier is None


def close(table: Table) -> None:
    """Close Ada's period as it is."""
    while True:
        period = Closing(table).read("ada", keys.read_period(PERIOD)[2]).period
        assert period
        try:
            Closing(table).close("ada", period, (), None, NOW)
        except PeriodMovedError:
            continue
        return


def days(history: History) -> Units:
    """Read what was used, day by day, of each facility and of all, which must be the same."""
    found = Counter[tuple[date, str, str]]()
    for facility in FACILITIES:
        for each in history.days("ada", SPAN, facility or ""):
            for metric, units in each.used.items():
                found[each.day, facility or "", metric] += units
    return found


def units_of(records: Iterable[UsageRecord]) -> Units:
    """Return the units of records."""
    found = Counter[tuple[date, str, str]]()
    for each in records:
        found[each.timestamp.date(), each.facility_id or "", each.metric] += each.quantity
    return found


def ids(history: History, list_: str, metric: str | None = None) -> list[str]:
    """Read a list to its end, in parts: `period`, or a month."""
    found, cursor, begun = list[str](), None, False
    while cursor or not begun:
        if list_ == "period":
            part = history.of_period("ada", START, metric, cursor)
        else:
            part = history.of_month("ada", list_, metric, cursor)
        found += [each.line.id for each in part.entries]
        cursor, begun = part.cursor, True
    return found


class WatchedTable(MemoryTable):
    """A table whose books are looked at after every write."""

    def transact(self, writes: Sequence[Write]) -> None:
        """Write, and look."""
        super().transact(writes)
        assert_exact(self.rows)


def rows_in(table: Table, records: Iterable[UsageRecord]) -> Mapping[Key, Row]:
    """Return all rows of Ada's, with those of some records."""
    found = table.query(keys.user("ada"), "A", "Z~")
    found += table.get_all([keys.record("ada", each.id) for each in records])
    return {Key(str(row["pk"]), str(row["sk"])): row for row in found}


def assert_exact(table: Mapping[Key, Row]) -> None:
    """Each record is listed in one place, and the days and periods hold what the records come to."""
    facts = [record_rows.counted_record(row) for key, row in table.items() if key.sk == "RECORD"]
    left = [replace(each.record, quantity=each.record.quantity - each.released) for each in facts]
    listed, used, periods = list[str](), Counter[tuple[date, str, str]](), Counter[str]()
    for key, row in table.items():
        lines = listed_in(row)
        assert len(lines) == row.get("lines", 0)
        listed += [each.id for each in lines]
        for each in lines:
            used[each.day, each.facility_id or "", each.metric] += each.quantity
        kind, *at = key.sk.split("#")
        if kind == "PAGE":
            listed += [each.id for each in record_rows.lines(row)]
        for metric, units in rows.used(row).items():
            if kind == "DAY":
                used[date.fromisoformat(at[0]), at[1], metric] += units
            else:
                periods[metric] += units
    expected = Counter[str]()
    for fact, rest in zip(facts, left, strict=True):
        if not fact.unbilled and not fact.dropped:
            expected[rest.metric] += rest.quantity
    assert sorted(each.id for each in left) == sorted(listed)
    assert Counter({day: n for day, n in units_of(left).items() if n}) == {
        day: n for day, n in used.items() if n
    }
    assert +expected == +periods


type Work = Callable[[Table], None]
