"""A period's row is full, and is emptied: whoever dies, races or reads then, each record is listed once."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import combinations

import pytest

from tests.fakes.table import MemoryTable
from tests.ledger.crashes import Crash, CrashingTable, Moment, Outside
from tests.ledger.turns import Turns
from tests.ledger.two_months import (
    METRICS,
    NOW,
    OFFER,
    SPAN,
    WatchedTable,
    Work,
    assert_exact,
    close,
    consume,
    count,
    crowded,
    days,
    fitting,
    full,
    ids,
    known,
    record,
    row_of,
    rows_in,
    subscribed,
    units_of,
)
from tollkeeper.ledger import history, listing
from tollkeeper.ledger.consuming import Consuming, Release
from tollkeeper.ledger.history import History
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.sizes import WRITE_UNIT, size
from tollkeeper.ledger.table import Key, Row, Table, absent
from tollkeeper.rules.usage import UsageRecord

RANDOM_SCHEDULES = 700


def counting(name: str) -> Work:
    """Return a worker that counts a record."""
    return lambda table: count(table, record(name))


def consuming(name: str) -> Work:
    """Return a worker that consumes one."""
    return lambda table: consume(table, record(name))


WRITERS: dict[str, tuple[Work, int]] = {
    "count a": (counting("a"), 3),
    "count b": (counting("b"), 3),
    "consume c": (consuming("c"), 2),
    "close": (close, 2),
}
"""Who writes at the emptying, and their calls when nobody is in their way."""


def schedules(calls: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Return every order of so many calls of each worker."""
    if not any(calls):
        yield ()
    for number, left in enumerate(calls):
        if left:
            fewer = [each - (at == number) for at, each in enumerate(calls)]
            yield from ((number, *rest) for rest in schedules(fewer))


class Reading:
    """A worker that reads days and lists, and what it found."""

    def __init__(self) -> None:
        self.days = Counter[tuple[date, str]]()
        self.ids: list[str] = []

    def read_days(self, table: Table) -> None:
        """Read the days."""
        self.days = Counter()
        for each in History(table).days("ada", SPAN):
            self.days.update({(each.day, metric): units for metric, units in each.used.items()})

    def read_list(self, table: Table) -> None:
        """Read the list of the period, a page a part."""
        self.ids = ids(History(table, enough=1), "period")

    def has_days_of(self, counted: Sequence[str]) -> bool:
        """Whether what was counted before is in the days, and no more than is counted after."""
        before, after = _by_day(known()), _by_day([*known(), *map(record, counted)])
        return before <= self.days <= after

    def has_ids_of(self, counted: Sequence[str]) -> bool:
        """Whether what was counted before is listed once, and what is counted meanwhile once at most."""
        before = {each.id for each in known()}
        return len(set(self.ids)) == len(self.ids) and before <= set(self.ids) <= {*before, *counted}


def _by_day(records: Iterable[UsageRecord]) -> Counter[tuple[date, str]]:
    found = Counter[tuple[date, str]]()
    for (day, _, metric), units in units_of(records).items():
        found[day, metric] += units
    return found


def test_the_row_is_filled_and_then_emptied(table: Table) -> None:
    """One write unit of lines; then one transaction lists them, with the next, by month and by day."""
    full(table)
    assert size(row_of(table)) <= WRITE_UNIT
    assert 8 <= len(fitting()) == row_of(table)["lines"]
    count(table, record("next", 3))
    row, rows = row_of(table), rows_in(table, [*fitting(), record("next", 3)])
    assert (1, None) == (row["emptied"], row.get("lines"))
    pages = [key.sk.split("#")[3] for key in rows if key.sk.startswith("PAGE#")]
    assert ["2026-03", "2026-04"] == sorted(pages)
    assert_exact(rows)
    count(table, record("another"))
    assert 1 == row_of(table)["lines"]


def test_what_is_listed_is_read_whole_before_and_after(table: Table) -> None:
    """Days and lists, of the period, a month or a metric, are the same whether lines were moved or not."""
    full(table)
    reading = History(table, enough=1)
    for counted in (fitting(), (*fitting(), record("next", 3))):
        assert units_of(counted) == days(reading)
        assert sorted(each.id for each in counted) == sorted(ids(reading, "period"))
        for month in ("2026-03", "2026-04", "2026-05"):
            expected = sorted(each.id for each in counted if each.billing_month == month)
            assert expected == sorted(ids(reading, month))
        for metric in METRICS:
            expected = sorted(each.id for each in counted if each.metric == metric)
            assert expected == sorted(ids(reading, "period", metric))
        count(table, record("next", 3))


def test_a_closed_row_keeps_its_lines(table: Table) -> None:
    """They are not taken out any more, and are read as before."""
    full(table)
    close(table)
    count(table, record("late"))
    reading = History(table)
    assert len(fitting()) == row_of(table)["lines"]
    assert sorted(each.id for each in fitting()) == sorted(ids(reading, "period"))
    assert units_of([*fitting(), record("late")]) == days(reading)


def test_what_is_listed_in_the_row_can_be_released(table: Table) -> None:
    """It comes off its day, whether that knows of it already or not."""
    subscribed(table)
    consume(table, record("wish", 1))
    wish = Release("ada", "wish", record("wish", 1).metric, NOW)
    Consuming(table, OFFER).release(wish, for_seconds(5))
    assert set() == {units for units in days(History(table)).values() if units}
    assert_exact(rows_in(table, [record("wish", 1)]))
    for number, each in enumerate(fitting()):
        count(table, each)
        assert units_of(fitting()[: number + 1]) == +days(History(table))
    count(table, record("next"))
    assert_exact(rows_in(table, [*fitting(), record("wish"), record("next")]))


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(
    ("name", "point"), [(name, at) for name in ("count a", "consume c") for at in range(WRITERS[name][1])]
)
def test_a_crash_at_an_emptying_changes_nothing(table: Table, name: str, point: int, moment: Moment) -> None:
    """Whoever died and begins again has counted once, and every record is listed once."""
    work, _ = WRITERS[name]
    full(table)
    with pytest.raises(Crash):
        work(CrashingTable(table, Outside(point, moment)))
    work(table)
    rows = rows_in(table, [*fitting(), record("a"), record("c")])
    assert len(fitting()) + 1 == sum(key.sk == "RECORD" for key in rows)
    assert_exact(rows)


@pytest.mark.parametrize("names", list(combinations(WRITERS, 2)), ids=" and ".join)
@pytest.mark.parametrize("reads", ["days", "list"])
def test_every_interleaving_at_an_emptying_is_exact(names: tuple[str, str], reads: str) -> None:
    """Two who write and one who reads: at every instant all is exact, and what is read is whole."""
    works, calls = zip(*(WRITERS[name] for name in names), strict=True)
    before = crowded()
    for schedule in schedules([*calls, 3]):
        assert_whole(before, works, [name.split()[-1] for name in names], reads, schedule)


@pytest.mark.parametrize("reads", ["days", "list"])
def test_many_interleavings_of_all_at_an_emptying_are_exact(reads: str) -> None:
    """Two who count, one who consumes, one who closes, and one who reads, in any order of their calls."""
    works, calls = zip(*WRITERS.values(), strict=True)
    before, chance = crowded(), random.Random(1)  # noqa: S311 - repeatable chance
    turns = [number for number, many in enumerate([*calls, 6]) for _ in range(many)]
    for _ in range(RANDOM_SCHEDULES):
        assert_whole(before, works, ["a", "b", "c"], reads, chance.sample(turns, len(turns)))


def assert_whole(
    before: dict[Key, Row], works: Sequence[Work], counted: Sequence[str], reads: str, schedule: Sequence[int]
) -> None:
    """Let works and a reader go on in an order, from a table as it was before."""
    table, reading = WatchedTable(), Reading()
    table.rows = {key: dict(row) for key, row in before.items()}
    read = reading.read_days if reads == "days" else reading.read_list
    Turns(table, [*works, read]).take(schedule)
    assert reading.has_days_of(counted) if reads == "days" else reading.has_ids_of(counted), schedule


def is_found(names: Sequence[str], reads: str) -> bool:
    """Whether some order of their calls shows a fault."""
    works, calls = zip(*(WRITERS[name] for name in names), strict=True)
    before = crowded()
    for schedule in schedules([*calls, 3]):
        try:
            assert_whole(before, works, [name.split()[-1] for name in names], reads, schedule)
        except AssertionError:
            return True
    return False


def test_a_reader_that_believes_the_first_reading_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: days are added to lines that were moved into them meanwhile."""
    monkeypatch.setattr(history, "emptied", lambda _: 0)
    assert is_found(["count a"], "days")


def test_a_list_that_forgets_what_it_began_with_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: lines that were given come again on the page that they were moved to."""
    monkeypatch.setattr(history, "_is_given", lambda *_: False)
    assert is_found(["count a"], "list")


def test_an_emptying_without_its_condition_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: lines are taken out that are not those which were read."""
    monkeypatch.setattr(listing, "equal", lambda *_: absent("nothing of the kind"))
    assert is_found(["count a", "count b"], "days")


def test_lines_are_put_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many put lines at once, the row stays within a write unit; the condition sees to that."""
    for careful in (True, False):
        table = subscribed(MemoryTable())
        for each in fitting()[:-2]:  # what comes may be longer than the last that fits
            count(table, each)
        if not careful:
            monkeypatch.setattr(listing, "at_most", lambda *_: absent("nothing of the kind"))
        racers = [counting(f"racer-{number}") for number in range(4)]
        Turns(table, racers).take([0, 1, 2, 3] * 3)
        assert careful == (size(row_of(table)) <= WRITE_UNIT)
        assert_exact(table.rows)
