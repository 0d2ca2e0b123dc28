"""The days that Stripe is to be shown: each is found once it was counted in, for one index entry."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.capacity import MeteredTable
from tests.examples import bound
from tests.fakes.table import MemoryTable
from tests.ledger.crashes import Crash, CrashingTable, Moment, Outside
from tests.ledger.turns import Turns
from tollkeeper.catalogue import load
from tollkeeper.ledger import record_rows
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.keys import Due, shard
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.shown_days import ShownDays
from tollkeeper.ledger.table import MOST_READS, Cells, Key, Row, Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.metering import shown_at
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.usage import UsageRecord

START = datetime(2026, 3, 9, 12, tzinfo=UTC)
NOW = START + timedelta(days=1)
TODAY, LATER = NOW.date(), NOW + timedelta(days=9)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFFER = Offer(load(), date(2000, 1, 1))
PLAN = Subscription("sub_1", "cus_1", "enterprise", Status.ACTIVE, START, START, START + 31 * DAY)
unhurried = partial(Patience, lambda: 60.0, sleep=lambda _: None)


def subscribed[T: Table](table: T, *names: str) -> T:
    """Let Ada subscribe, or others."""
    users = Users(table)
    for name in names or ("ada",):
        user, plan = users.read(name, START), replace(PLAN, id=f"sub_{name}", customer_id=f"cus_{name}")
        users.bind_customer(name, plan.customer_id)
        user = users.read(name, START)
        users.write_subscription(user, plan, bound(user, plan, at=START, offer=OFFER))
    return table


def record(name: str, at: datetime = NOW, quantity: int = 1, metric: str = "apiCalls") -> UsageRecord:
    """Return usage of Ada's."""
    why = ("mistake", "support") if quantity < 0 else (None, None)
    return UsageRecord(name, "ada", metric, quantity, at, at, reason=why[0], actor=why[1])


def count(table: Table, *records: UsageRecord, now: datetime = NOW, offer: Offer = OFFER) -> None:
    """Count records, all at once."""
    counting = Counting(table, offer)
    (user,) = counting.profiles([records[0].user_id])
    assert [] == counting.count(user, records, now=now, patience=unhurried()).left


def consume(table: Table, *records: UsageRecord) -> None:
    """Consume, one after the other."""
    for each in records:
        assert Consuming(table, OFFER).consume(each, unhurried()).barrier is None


def due(table: Table, until: datetime = LATER) -> list[tuple[str, date, int]]:
    """Return the days that are found, and how many entries each has."""
    return [(each.user_id, each.day, len(each.markers)) for each in ShownDays(table).due(until)]


@pytest.mark.parametrize("use", [count, consume])
def test_a_day_is_found_two_hours_after_it(table: Table, use: Callable[..., None]) -> None:
    """By one entry, however many records there are, and not a second before."""
    subscribed(table)
    for number in range(3):
        use(table, record(f"r{number}"))
    at = datetime(TODAY.year, TODAY.month, TODAY.day, 2, tzinfo=UTC) + DAY
    assert [] == due(table, at - timedelta(seconds=1))
    assert [("ada", TODAY, 1)] == due(table, at)


def test_dense_batches_are_found(table: Table) -> None:
    """Where the period's row is not read, what is counted at a time marks each of its days once."""
    subscribed(table)
    days = [NOW, NOW - DAY / 2]
    for batch in range(2):
        count(table, *(record(f"{batch}-{number}", days[number % 2]) for number in range(150)))
    assert [("ada", TODAY, 2)] == due(table)


def test_lone_records_after_an_emptying_mark_nothing_anew(table: Table) -> None:
    """The row notes the day beside its lines."""
    subscribed(table)
    for number in range(60):
        count(table, record(f"a record with a long name {number}"))
    assert [("ada", TODAY, 1)] == due(table)


def test_what_was_shown_is_taken_off(table: Table) -> None:
    """With all its entries, and no other day's; to take it off again changes nothing."""
    subscribed(table)
    for batch in range(2):
        count(table, *(record(f"{batch}-{number}") for number in range(11)))
    count(table, record("tomorrow", NOW + DAY), now=NOW + DAY)
    (today,) = ShownDays(table).due(shown_at(TODAY))
    for _ in range(2):
        ShownDays(table).take_off(today)
    assert [("ada", TODAY + DAY, 1)] == due(table)


def test_the_days_of_many_users_are_found(table: Table) -> None:
    """A user's come together, in whichever request their rows are read."""
    names = [f"user {number % 7}{'#' * (number % 3)}{number}" for number in range(35)]
    subscribed(table, *names)
    for name in names:
        for batch in range(3):
            count(table, *(replace(record(f"{batch}-{number}"), user_id=name) for number in range(11)))
    assert sorted((name, TODAY, 3) for name in names) == sorted(due(table))


def test_no_more_days_are_read_than_are_looked_at() -> None:
    """Of a thousand users, those of about one request at a time: a run may have no time for the others."""

    class Read(MemoryTable):
        rows_read = 0

        def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
            those = [*super().get_all(keys)]
            self.rows_read += len(those)
            return iter(those)

    table, number = Read(), 4 * 250
    for user in range(number):
        used = replace(record("a"), user_id=f"user-{user}")
        entry: Cells = {"due": shard(Due.MIRROR, used.user_id), "dueAt": shown_at(TODAY)}
        table.transact([record_rows.counted(used, NOW, due=entry)])
    days = ShownDays(table).due(LATER)
    next(days)
    assert MOST_READS == table.rows_read
    assert number - 1 == len([*days])


def test_who_is_no_customer_marks_nothing(table: Table) -> None:
    """There is nobody at Stripe to show anything of."""
    count(table, record("free"))
    consume(table, record("free too"))
    assert [] == due(table)


@pytest.mark.parametrize(
    ("records", "now"),
    [
        ([record("late", NOW - 2 * DAY)], NOW),
        ([record("on time", NOW)], shown_at(TODAY)),
        ([record("much"), record("back", quantity=-1)], shown_at(TODAY) + HOUR),
    ],
)
def test_a_day_that_would_have_been_shown_is_not_any_more(
    table: Table, records: Sequence[UsageRecord], now: datetime
) -> None:
    """What comes after that is not on the picture."""
    count(subscribed(table), *records, now=now)
    assert [] == due(table)


def test_a_correction_marks_nothing(table: Table) -> None:
    """What it takes back was counted before, and marked its day."""
    subscribed(table)
    count(table, record("yesterday", NOW - DAY / 2 - HOUR, 5), now=NOW - DAY / 2)
    before = due(table)
    count(table, record("back", quantity=-1))
    assert before == due(table)


def test_a_metric_that_is_not_mirrored_marks_nothing(table: Table) -> None:
    """The first of another one does."""
    catalogue = load()
    hidden = replace(catalogue.metrics["apiCalls"], mirror=False)
    offer = replace(OFFER, catalogue=replace(catalogue, metrics={**catalogue.metrics, "apiCalls": hidden}))
    count(subscribed(table), record("a"), offer=offer)
    assert [] == due(table)
    count(table, record("b"), record("c", metric="exports"), offer=offer)
    assert [("ada", TODAY, 1)] == due(table)


stamps = st.integers(-36 * 60, 4).map(lambda minutes: NOW + timedelta(minutes=minutes))
batches = st.lists(
    st.tuples(st.sampled_from(["count", "consume"]), st.lists(stamps, min_size=1, max_size=13))
)


@given(batches)
@settings(max_examples=60, deadline=None)
def test_the_days_found_are_those_counted_in(history: list[tuple[str, list[datetime]]]) -> None:
    """However records come together, each day of which one came in time has an entry, and no other day."""
    table, expected = subscribed(MemoryTable()), set()
    for number, (how, instants) in enumerate(history):
        if how == "consume":
            consume(table, record(f"{number}"))
            expected.add(TODAY)
        else:
            count(table, *(record(f"{number}-{each}", at) for each, at in enumerate(instants)))
            expected |= {at.date() for at in instants if shown_at(at.date()) > NOW}
    assert expected == {day for _, day, _ in due(table)}


def assert_found_if_counted(table: MemoryTable) -> None:
    """A day is found if, and only if, something was counted on it."""
    counted = any(key.sk == "RECORD" for key in table.rows)
    assert counted == bool(due(table))


@pytest.mark.parametrize("use", [count, consume])
def test_a_day_is_found_wherever_who_counts_dies(use: Callable[..., None]) -> None:
    """The entry comes with the record, or neither does; the record that comes again completes it."""
    whole = Outside()
    use(CrashingTable(subscribed(MemoryTable()), whole), record("r"))
    for point, moment in product(range(len(whole.calls)), Moment):
        table = subscribed(MemoryTable())
        with pytest.raises(Crash):
            use(CrashingTable(table, Outside(point, moment)), record("r"))
        assert_found_if_counted(table)
        use(table, record("r"))
        assert 1 == len(due(table))


def test_whoever_races_the_day_is_found() -> None:
    """Of two who count the first records of a day, in any order of their calls, one marks it or both do."""
    for schedule in set(permutations([0, 0, 0, 1, 1, 1])):
        table = subscribed(MemoryTable())
        works = [partial(_count_one, "a"), partial(_consume_one, "b")]
        Turns(table, works).take(schedule)
        ((_, day, _),) = due(table)
        assert TODAY == day


def _count_one(name: str, table: Table) -> None:
    count(table, record(name))


def _consume_one(name: str, table: Table) -> None:
    consume(table, record(name))


def test_a_day_costs_the_index_one_write() -> None:
    """However much comes alone."""
    table = subscribed(MeteredTable())
    before = table.index_units
    for number in range(10):
        count(table, record(f"r{number}"))
    assert 1 == table.index_units - before
