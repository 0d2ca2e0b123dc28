"""The queue under load: full batches as AWS makes them, thousands of users, and a table that is busy."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.table import MemoryTable
from tests.fakes.tracker import tracker_of
from tests.ledger.busy_table import BusyTable
from tests.ledger.story import OFFER, patience
from tollkeeper.ledger import keys, record_rows, rows
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.lines import listed_in
from tollkeeper.ledger.listing import FEW
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import (
    Key,
    Refused,
    Row,
    TransactionCancelledError,
    Write,
)
from tollkeeper.ledger.tracking import MessageAttempts
from tollkeeper.rules.times import iso
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import User
from tollkeeper.usage.batch import Message, Tracked
from tollkeeper.usage.messages import DeadLetter

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MESSAGES = 93
RECORDS = 23_000
"""A batch of six megabytes, packed by 64 KB: what Lambda hands over at once at most."""

type Raw = Mapping[str, object]


def batch(users: int, records: int = RECORDS, messages: int = MESSAGES, seed: int = 1) -> list[Message]:
    """Return packed messages of records of so many users, side by side as intake sends them."""
    chance = random.Random(seed)  # noqa: S311 - repeatable chance
    raws = [
        {
            "id": f"id-{number}",
            "userId": f"user-{number % users}",
            "eventType": chance.choice(["apiCalls", "exports"]),
            "quantity": chance.randint(1, 3),
            "timestamp": iso(NOW - timedelta(minutes=chance.randrange(60))),
        }
        for number in range(records)
    ]
    raws.sort(key=lambda raw: str(raw["userId"]))
    size = -(-records // messages)
    return [message(f"m-{first}", raws[first : first + size]) for first in range(0, records, size)]


def message(name: str, raws: Sequence[Raw], receives: int = 1) -> Message:
    """Return one message."""
    return Message(name, json.dumps({"records": raws, "acceptedAt": iso(NOW)}), NOW, receives)


def records_of(messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
    """Return the records of messages."""
    return (raw for each in messages for raw in json.loads(each.body)["records"])


@dataclass
class House:
    """A busy table, a tracker, and what is put aside."""

    table: BusyTable
    workers: int = 1
    letters: list[DeadLetter] = field(default_factory=list)

    def send(self, letters: Sequence[DeadLetter]) -> list[int]:
        """Keep dead letters."""
        self.letters += letters
        return []

    def track(self, messages: Sequence[Message], seconds: float = 10_000) -> Tracked:
        """Let the tracker take messages in so many seconds of the table's clock."""
        end = self.table.seconds + seconds
        waiting = Patience(lambda: end - self.table.seconds, sleep=self._sleep)
        tracker = tracker_of(
            self.table, Counting(self.table, OFFER), self, OFFER.catalogue.metrics, self.workers
        )
        return tracker.track(messages, NOW, waiting)

    def track_all(self, messages: Sequence[Message], seconds: float = 10_000, most: int = 20) -> int:
        """Deliver until nothing fails, and return how many deliveries that took."""
        left = list(messages)
        for delivery in range(1, most + 1):
            failed = self.track(left, seconds).failed
            left = [replace(each, receives=delivery + 1) for each in left if each.id in failed]
            if not left:
                return delivery
        raise AssertionError(
            f"{len(left)} messages of {len(messages)} are not counted after {most} deliveries"
        )

    def _sleep(self, seconds: float) -> None:
        self.table.seconds += seconds

    def markers(self, messages: Iterable[Message]) -> int:
        """How many records of messages have their rows."""
        wanted = (keys.record(str(raw["userId"]), str(raw["id"])) for raw in records_of(messages))
        return sum(key in self.table.rows for key in wanted)


def assert_exact(house: House, messages: Sequence[Message]) -> None:
    """Each record is counted once: in the periods, in the days and on the pages or in a line, by its row."""
    expected: Counter[tuple[str, str]] = Counter()
    for raw in records_of(messages):
        expected[raw["userId"], raw["eventType"]] += raw["quantity"]
    periods, days, pages = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for key, row in house.table.rows.items():
        user = key.pk.removeprefix("USER#")
        for name, units in rows.used(row).items():
            {"P": periods, "D": days}[key.sk[0]][user, name] += units
        if key.sk.startswith("PAGE#"):
            for line in record_rows.lines(row):
                pages[user, line.metric] += line.quantity
        for unmoved in listed_in(row):
            days[user, unmoved.metric] += unmoved.quantity
            pages[user, unmoved.metric] += unmoved.quantity
    assert (expected, expected, expected, []) == (periods, days, pages, house.letters)
    assert house.markers(messages) == sum(1 for _ in records_of(messages))


@pytest.mark.parametrize("workers", [1, 16])
@pytest.mark.parametrize("users", [50, 2_000])
def test_a_full_batch_on_a_bad_day_is_exact(users: int, workers: int) -> None:
    """Many calls are throttled, lost, in conflict or unanswered: each record counts once."""
    messages = batch(users, records=RECORDS if users > 50 else 5_000)
    house = House(BusyTable(share=0.05 if users > 50 else 0.3, seed=users, latency=0.004), workers)
    house.track_all(messages)
    assert_exact(house, messages)
    assert {"throttle", "conflict", "timeout before", "timeout after"} == set(house.table.faults)


def test_a_batch_that_does_not_fit_is_given_back_in_part() -> None:
    """Where time is up, what is counted is done, and what was not begun is given back to come at once."""
    messages = batch(2_000)
    house = House(BusyTable(latency=0.02))
    tracked = house.track(messages, seconds=25)
    done = [each for each in messages if each.id not in tracked.failed]
    assert 0 < len(done) < MESSAGES
    assert sum(1 for _ in records_of(done)) == house.markers(done)
    assert tracked.postponed <= tracked.failed
    assert len(tracked.failed - tracked.postponed) <= 1
    assert house.table.seconds < 25 + 1
    assert house.track_all(messages, seconds=25) <= 4
    assert_exact(house, messages)


def test_what_was_counted_before_is_found_for_all_users_together() -> None:
    """When a batch comes again, a few reads tell of each record whether it counts already."""
    messages = batch(300, records=600, messages=3)
    house = House(BusyTable(latency=1))
    house.track_all(messages)
    begun = house.table.seconds
    assert 0 == house.track([replace(each, receives=2) for each in messages]).counted.total()
    assert house.table.seconds - begun < 10


def test_a_message_is_done_whatever_becomes_of_others_with_its_users() -> None:
    """Of a user whose records are in two messages, the one that holds a record too early comes again."""
    raw = {"id": "a", "userId": "ada", "eventType": "apiCalls", "quantity": 1}
    early = {
        "id": "b",
        "userId": "ada",
        "eventType": "apiCalls",
        "quantity": -9,
        "reason": "r",
        "actor": "eve",
    }
    tracked = House(BusyTable()).track([message("m-1", [raw]), message("m-2", [early])])
    assert {"m-2"} == tracked.failed


def test_one_users_throttled_read_is_that_users_alone() -> None:
    """Of 93 messages only those with their records come again, once DynamoDB reads that row."""
    messages = batch(300, records=3_000)
    house = House(BusyTable())
    house.table.refuses = lambda wanted: keys.profile("user-7") in set(wanted)
    tracked = house.track(messages)
    theirs = {each.id for each in messages if any(raw["userId"] == "user-7" for raw in records_of([each]))}
    assert (theirs, set()) == (tracked.failed, tracked.postponed)
    assert 3_000 - 10 == house.markers(messages)
    house.table.refuses = lambda _: False
    house.track_all(messages)
    assert_exact(house, messages)


def test_a_day_without_dynamodb_makes_no_dead_letters() -> None:
    """However often a good message came in the meantime, it is counted when DynamoDB is back."""
    messages = batch(20, records=200, messages=3)
    house = House(BusyTable())
    house.table.is_down = True
    for receives in range(1, 25):
        tracked = house.track([replace(each, receives=receives) for each in messages])
        assert {each.id for each in messages} == tracked.failed
    house.table.is_down = False
    house.track_all([replace(each, receives=25) for each in messages])
    assert_exact(house, messages)


def test_a_message_that_kills_the_function_takes_nobody_along() -> None:
    """Taken with others three times, then alone, then put aside: all others are counted, none is lost."""
    messages = [replace(each, receives=9) for each in batch(20, records=200, messages=4)]
    killer, *others = messages
    house = House(BusyTable())
    attempts = MessageAttempts(house.table)
    for _ in range(3):
        attempts.begin([each.id for each in messages], NOW)
    attempts.end([each.id for each in others])
    assert set() == house.track(messages).failed
    assert_exact(house, messages)
    for _ in range(4):
        attempts.begin([killer.id], NOW)
    assert set() == house.track(messages).failed
    assert [(killer.body, True)] == [(each.record, each.is_message) for each in house.letters]


class Stubborn(MemoryTable):
    """A table that refuses every transaction by a condition, whatever it is read to be."""

    def __init__(self, refused: int) -> None:
        super().__init__()
        self.attempts = 0
        self._refused = refused

    def transact(self, writes: Sequence[Write]) -> None:
        """Refuse the write at one place."""
        self.attempts += 1
        refused = [Refused(in_order=True)] * len(writes)
        refused[self._refused] = Refused(by_condition=True, row=self.row(writes[self._refused].key))
        raise TransactionCancelledError(refused)

    @staticmethod
    def row(key: Key) -> Row:
        """Return what is said to stand in the way."""
        closed = "2026-03-10T00:00:00Z"
        return {"pk": key.pk, "sk": key.sk, "closedAt": closed} if key.sk.startswith("PERIOD#") else {}


@pytest.mark.parametrize(("many", "refused"), [(1, 0), (FEW + 1, 0), (FEW + 1, 1), (FEW + 1, 2)])
def test_a_transaction_that_is_refused_for_ever_ends_with_its_patience(many: int, refused: int) -> None:
    """By the period, the page or the day: good records come again, and are no dead letters."""
    table = Stubborn(many + refused)
    records = [UsageRecord(f"id-{number}", "ada", "apiCalls", 1, NOW, NOW) for number in range(many)]
    tally = Counting(table, OFFER).count(User("ada"), records, now=NOW, patience=patience(20))
    assert (records, []) == (tally.left, tally.refused)
    assert table.attempts <= 21
