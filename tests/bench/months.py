"""What one subscriber's month costs where records and consumes come alone, counted from the requests."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import batched, cycle

from tests.bench.capacity import MeteredTable, stored
from tests.bench.figures import Figure
from tests.examples import OFFER, SUBSCRIPTION, bound
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.shown_days import ShownDays
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.usage import UsageRecord

USER = "user_2abcDEFghiJKLmno1234"
SUBSCRIPTION_ID = "sub_1MowQVLkdIwHu7ixeraBm864"
START = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAYS = 30
DAY_SECONDS = 86_400
METRICS = ("apiCalls", "aiQueries", "exports")
DATA = '{"method":"POST","path":"/api/calculations/lighting","status":200}'
FIRST = 5

type Use = Callable[[Table, Sequence[UsageRecord]], None]


def figures() -> list[Figure]:
    """Measure months of ten a day, and of one a day."""
    pairs = month(10, count, together=2)[-1]
    return [
        *_figures("lone_record", "a record that comes alone", count),
        Figure("storage_bytes_per_lone_record", "bytes stored per record that comes alone", stored_bytes()),
        Figure("write_units_per_paired_record", "… of two that are counted together, twenty a day", pairs),
        *_figures("consume", "a consume", consume),
        Figure("mirror_write_units_per_user_day", "write units to show a user's day at Stripe", shown_day()),
    ]


def _figures(key: str, what: str, use: Use) -> Iterator[Figure]:
    often, seldom = month(10, use), month(1, use)
    yield Figure(f"write_units_per_{key}", f"write units of {what}, ten a day for a month", often[-1], 4.8)
    yield Figure(f"write_units_per_{key}_one_a_day", "… one a day", seldom[-1], 6.0)
    yield Figure(f"write_units_per_first_{key}", "… the first ones of a period", often[FIRST - 1], 4.0)


def month(times: int, use: Use, together: int = 1) -> list[float]:
    """Use so many times a day for a month, some together; return the write units of each so far, on average.

    The subscriber has three metrics and one facility; their ids are UUIDs, and their data is a request's.
    What shows a day's usage at Stripe is told beside, since it is the same however much is used.
    """
    table = subscribed()
    averages = []
    for number, some in enumerate(batched(_records(times, together), together, strict=True), start=1):
        use(table, some)
        averages.append((table.write_units - table.index_units) / number / together)
    return averages


def stored_bytes() -> float:
    """Return the bytes that a month of ten records a day adds to the table, per record."""
    table = subscribed()
    before = sum(map(stored, table.rows.values()))
    records = [*_records(10, 1)]
    for record in records:
        count(table, [record])
    return (sum(map(stored, table.rows.values())) - before) / len(records)


def shown_day() -> float:
    """Return the write units by which a day of ten records is shown at Stripe: the index, and taking off."""
    table = subscribed()
    begun, days = table.index_units, ShownDays(table)
    for record in _records(10, 1):
        count(table, [record])
    units = table.index_units - begun
    for day in days.due(START + timedelta(days=DAYS + 2)):
        before = table.write_units
        days.take_off(day)
        units += table.write_units - before
    return units / (DAYS + 1)  # a month from noon to noon


def subscribed() -> MeteredTable:
    """Return a table with one subscriber, of which nothing is counted yet."""
    table = MeteredTable()
    users = Users(table)
    user = users.read(USER, START)
    subscription = replace(
        SUBSCRIPTION,
        id=SUBSCRIPTION_ID,
        created=START,
        period_start=START,
        period_end=START + timedelta(days=DAYS),
    )
    users.write_subscription(user, subscription, bound(user, subscription, at=START))
    table.write_units = table.index_units = 0.0
    return table


def _records(times: int, together: int) -> Iterator[UsageRecord]:
    metrics = cycle(METRICS)
    for number in range(DAYS * times):
        at = START + timedelta(seconds=number * DAY_SECONDS // times, microseconds=123_456)
        for _ in range(together):
            yield UsageRecord(str(uuid.uuid4()), USER, next(metrics), 1, at, at, "greenhouse-2", DATA)


def count(table: Table, records: Sequence[UsageRecord]) -> None:
    """Count records."""
    counting = Counting(table, OFFER)
    (user,) = counting.profiles([USER])
    tally = counting.count(user, records, now=records[0].timestamp, patience=for_seconds(9))
    if len(tally.counted) != len(records):
        raise RuntimeError(f"{tally} is not all of it")


def consume(table: Table, records: Sequence[UsageRecord]) -> None:
    """Consume, one by one."""
    for each in records:
        if barrier := Consuming(table, OFFER).consume(each, for_seconds(9)).barrier:
            raise RuntimeError(f"{each} was refused: {barrier}")
