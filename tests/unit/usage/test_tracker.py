"""How messages of the usage queue become counts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.examples import CATALOGUE, NOW, OFFER
from tests.fakes.runtime import made_of
from tests.fakes.sqs import FakeSqs
from tests.fakes.stripe import FakeStripe
from tests.fakes.table import MemoryTable
from tests.fakes.tracker import tracker_of
from tollkeeper.ledger import keys, record_rows
from tollkeeper.ledger.counting import Counting, Tally
from tollkeeper.ledger.patience import ContendedError, Patience, for_seconds
from tollkeeper.ledger.table import Key, Row, Write
from tollkeeper.ledger.tracking import MessageAttempts
from tollkeeper.ledger.users import Users
from tollkeeper.rules.times import epoch, iso
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import User
from tollkeeper.runtime import usage
from tollkeeper.usage.batch import Message, Tracked
from tollkeeper.usage.queue import DeadLetters
from tollkeeper.usage.tracker import Tracker

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SENT: Mapping[str, object] = {"id": "evt-1", "userId": "ada", "eventType": "apiCalls", "quantity": 2}
BOBS: Mapping[str, object] = {**SENT, "userId": "bob"}


class CountingWithoutBob(Counting):
    """Counting where others are always at Bob's rows."""

    def count(
        self,
        user: User,
        records: Sequence[UsageRecord],
        *,
        now: datetime,
        patience: Patience,
        known: Mapping[Key, Row] | None = None,
        periods: Mapping[Key, Row] | None = None,
    ) -> Tally:
        """Count everybody's records but Bob's."""
        if user.user_id == "bob":
            raise ContendedError
        return super().count(user, records, now=now, patience=patience, known=known, periods=periods)


@dataclass(frozen=True, slots=True)
class House:
    """A ledger, the queue of dead letters, and the tracker between them."""

    table: MemoryTable
    dead_letter_queue: FakeSqs
    tracker: Tracker

    def track(self, *messages: Message) -> Tracked:
        """Track messages now."""
        return self.tracker.track(messages, NOW, for_seconds(30))

    def used(self, user_id: str) -> Mapping[str, int]:
        """What was counted of a user in the present month."""
        return {
            metric: quantity
            for period in Users(self.table).read(user_id, NOW).periods
            for metric, quantity in period.used.items()
        }

    @property
    def attempts(self) -> MessageAttempts:
        """What is remembered of messages."""
        return MessageAttempts(self.table)

    @property
    def letters(self) -> list[dict[str, Any]]:
        """The dead letters."""
        return [json.loads(body) for body in self.dead_letter_queue.bodies]


def house(counting: type[Counting] = Counting) -> House:
    """An empty house that counts in a way."""
    table, letterbox = MemoryTable(), FakeSqs()
    dead_letters = DeadLetters(cast("SQSClient", letterbox), "https://sqs.test/dead")
    return House(table, letterbox, tracker_of(table, counting(table, OFFER), dead_letters, CATALOGUE.metrics))


@pytest.fixture
def home() -> House:
    """An empty house."""
    return house()


def message(*records: object, accepted_at: datetime = NOW, name: str = "m-1") -> Message:
    """A message as intake writes it, delivered for the first time."""
    body = json.dumps({"records": records, "acceptedAt": iso(accepted_at)})
    return Message(id=name, body=body, sent_at=NOW, receives=1)


def test_records_are_counted_by_user_and_metric(home: House) -> None:
    """What several messages bring of a user is counted together, and the units are told."""
    tracked = home.track(message(SENT, BOBS), message({**SENT, "id": "evt-2", "eventType": "exports"}))
    assert ({"apiCalls": 2, "exports": 2}, {"apiCalls": 2}) == (home.used("ada"), home.used("bob"))
    assert ({"apiCalls": 4, "exports": 2}, set()) == (tracked.counted, tracked.failed)


def test_a_record_counts_once_however_often_it_comes(home: House) -> None:
    """Twice in a message, in two messages, or delivered again."""
    home.track(message(SENT, SENT), message(SENT, name="m-2"))
    again = home.track(replace(message(SENT), receives=2))
    assert ({"apiCalls": 2}, 1, {}) == (home.used("ada"), again.duplicates, again.counted)


def test_a_record_that_cannot_be_counted_is_a_dead_letter(home: House) -> None:
    """It is kept with its reason as it came; its neighbours are counted, and the message is done."""
    poison = {"id": "evt-2", "userId": "ada", "eventType": "apiCalls", "quantity": "many"}
    tracked = home.track(message(SENT, poison, BOBS))
    assert ({"apiCalls": 2}, {"apiCalls": 2}, set()) == (home.used("ada"), home.used("bob"), tracked.failed)
    assert [
        {
            "records": [poison],
            "reason": "invalid_record: quantity: Input should be a valid integer",
            "acceptedAt": iso(NOW),
        }
    ] == home.letters


@pytest.mark.parametrize(
    "body",
    [" ", "no JSON", "null", "7", "[]", "{}", '{"records":{}}', '{"records":[{}],"acceptedAt":"yesterday"}'],
)
def test_a_message_without_records_is_a_dead_letter(home: House, body: str) -> None:
    """Whatever somebody puts on the queue is kept as it came, and why beside it."""
    tracked = home.track(Message("m-1", body, NOW - timedelta(hours=1), receives=1))
    assert (set(), [body]) == (tracked.failed, home.dead_letter_queue.bodies)
    assert ["invalid_record"] == [reason.partition(":")[0] for reason in home.dead_letter_queue.reasons]


def test_an_empty_message_is_done(home: House) -> None:
    """Nothing to count is nothing to keep."""
    assert (Tracked(), []) == (home.track(message()), home.letters)


def test_age_is_judged_against_acceptance(home: House) -> None:
    """A record that was 30 days old when it was accepted counts although it is 44 days old by now."""
    accepted = NOW - timedelta(days=14)
    sent = {**SENT, "timestamp": iso(accepted - timedelta(days=30))}
    assert {"apiCalls": 2} == home.track(message(sent, accepted_at=accepted)).counted


def test_a_message_sent_straight_to_the_queue_was_accepted_by_sqs(home: House) -> None:
    """Without a time of acceptance beside them, records are of the moment at which SQS took them."""
    body = json.dumps({"records": [{**SENT, "timestamp": iso(NOW - timedelta(days=40))}]})
    tracked = home.track(Message("m-1", body, NOW - timedelta(days=10), receives=1))
    assert {"apiCalls": 2} == tracked.counted


def test_another_fact_under_a_counted_id_is_a_dead_letter(home: House) -> None:
    """The first stands; the other is kept for somebody to look at, never dropped in silence."""
    home.track(message(SENT))
    tracked = home.track(message({**SENT, "quantity": 3}))
    assert ({"apiCalls": 2}, {"id_conflict": 1}) == (home.used("ada"), tracked.refused)
    assert [("evt-1", 3, "id_conflict")] == [
        (record["id"], record["quantity"], each["reason"])
        for each in home.letters
        for record in each["records"]
    ]


def test_a_correction_takes_back_what_was_counted(home: House) -> None:
    """It counts like any record, with a negative quantity."""
    correction = {**SENT, "id": "fix-1", "quantity": -1, "reason": "called twice", "actor": "support"}
    home.track(message(SENT))
    home.track(message(correction))
    assert {"apiCalls": 1} == home.used("ada")


def test_a_correction_below_zero_is_a_dead_letter(home: House) -> None:
    """Nobody's usage becomes less than nothing, once what it takes back had its time to be counted."""
    correction = {**SENT, "id": "fix-1", "quantity": -3, "reason": "called twice", "actor": "support"}
    home.track(message(SENT), message(correction, accepted_at=NOW - timedelta(hours=1), name="m-2"))
    assert {"apiCalls": 2} == home.used("ada")
    assert [([correction], "below_zero")] == [(each["records"], each["reason"]) for each in home.letters]


def test_a_correction_that_overtakes_its_usage_waits_for_it(home: House) -> None:
    """It comes again, and counts once what it takes back is counted."""
    correction = {**SENT, "id": "fix-1", "quantity": -2, "reason": "called twice", "actor": "support"}
    assert ({"m-2"}, []) == (home.track(message(correction, name="m-2")).failed, home.letters)
    home.track(message(SENT))
    assert set() == home.track(replace(message(correction, name="m-2"), receives=2)).failed
    assert {"apiCalls": 0} == home.used("ada")


def test_of_a_duplicate_and_a_contradiction_in_one_body_one_is_a_duplicate(home: House) -> None:
    """What was counted before decides, whichever stands first."""
    home.track(message(SENT))
    tracked = home.track(message({**SENT, "quantity": 3}, SENT, name="m-2"))
    assert (1, {"id_conflict": 1}, {"apiCalls": 2}) == (tracked.duplicates, tracked.refused, home.used("ada"))
    assert [3] == [record["quantity"] for each in home.letters for record in each["records"]]


def test_of_two_corrections_of_one_id_both_are_dead_letters_once(home: House) -> None:
    """Of more than was used, both: the first as what it is, the other as what contradicts it."""
    fix = {**SENT, "id": "fix-1", "quantity": -9, "reason": "called twice", "actor": "support"}
    brought = message(fix, {**fix, "quantity": -8}, accepted_at=NOW - timedelta(hours=1))
    assert set() == home.track(brought).failed
    assert [(-9, "below_zero"), (-8, "id_conflict")] == [
        (record["quantity"], each["reason"]) for each in home.letters for record in each["records"]
    ]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(NOW + timedelta(days=400), NOW, id="a time to come"),
        pytest.param(NOW - timedelta(days=400), NOW - timedelta(days=60), id="long ago"),
        pytest.param(NOW - timedelta(days=59), NOW - timedelta(days=59), id="as long as a dead letter lies"),
    ],
)
def test_a_senders_word_of_acceptance_is_taken_within_bounds(
    home: House, said: datetime, expected: datetime
) -> None:
    """Whoever may send to the queue opens no period of the future, and undoes no deduplication."""
    home.track(message(SENT, accepted_at=said))
    [row] = home.table.get_all([keys.record("ada", "evt-1")])
    assert expected == record_rows.record(row).accepted_at
    assert row["expiresAt"] == epoch(NOW + timedelta(days=400))


def test_there_is_no_beginning_without_time(home: House) -> None:
    """What was not begun is given back, to come again at once; nothing of it is counted."""
    tracked = home.tracker.track([message(SENT), message(BOBS, name="m-2")], NOW, for_seconds(1))
    assert ({"m-1", "m-2"}, {"m-1", "m-2"}, {}) == (tracked.failed, tracked.postponed, home.used("ada"))


def test_a_message_whose_records_are_counted_is_done(home: House) -> None:
    """Whatever becomes of other messages with records of the same user."""
    early = {**SENT, "id": "fix-1", "quantity": -9, "reason": "called twice", "actor": "support"}
    tracked = home.track(message(SENT, name="m-1"), message(early, name="m-2"))
    assert {"m-2"} == tracked.failed


class Meeting(MemoryTable):
    """A table at which two users' transactions wait for each other."""

    def __init__(self) -> None:
        super().__init__()
        self._both = Barrier(2, timeout=5)

    def transact(self, writes: Sequence[Write]) -> None:
        """Write what counts once another is about to."""
        if len(writes) > 1:
            self._both.wait()
        super().transact(writes)


def test_users_are_counted_side_by_side() -> None:
    """What the function waits for is DynamoDB: several users' transactions are under way at once."""
    table = Meeting()
    with made_of(table, FakeSqs(), FakeStripe(), NOW):
        tracked = usage.tracker().track([message(SENT, BOBS)], NOW, for_seconds(30))
    assert (set(), 4) == (tracked.failed, tracked.counted.total())


def test_a_message_that_stops_the_function_is_taken_alone_and_then_put_aside(home: House) -> None:
    """Three times it was begun and never ended: last, and by itself; then it is a dead letter, as it came."""
    killer = replace(message(SENT, name="m-killer"), receives=9)
    for _ in range(3):
        home.attempts.begin([killer.id], NOW)
    tracked = home.track(killer, message(BOBS, name="m-2"))
    assert (set(), {"apiCalls": 2}) == (tracked.failed, home.used("ada"))
    for _ in range(4):
        home.attempts.begin([killer.id], NOW)
    again = home.track(replace(killer, body=message({**SENT, "id": "evt-2"}).body))
    assert (set(), {"apiCalls": 2}, ["it stopped the tracker"]) == (
        again.failed,
        home.used("ada"),
        [reason[:22] for reason in home.dead_letter_queue.reasons],
    )


def test_a_message_that_is_outlived_is_no_suspect_any_more(home: House) -> None:
    """What failed and came again, a hundred times, has stopped nothing."""
    for receives in range(1, 100):
        home.track(replace(message(SENT), receives=receives))
    assert [] == home.letters


def test_a_user_whose_rows_are_busy_comes_again() -> None:
    """The messages that hold their records fail; other users' records in them are counted all the same."""
    busy = house(CountingWithoutBob)
    tracked = busy.track(message(SENT, BOBS, name="m-1"), message({**SENT, "id": "evt-2"}, name="m-2"))
    assert ({"m-1"}, {"apiCalls": 4}) == (tracked.failed, busy.used("ada"))


def test_a_dead_letter_that_cannot_be_kept_comes_again(home: House) -> None:
    """Its message fails, its neighbours stay counted, and the next delivery keeps it."""
    mixed = message(SENT, {**SENT, "id": ""})
    home.dead_letter_queue.is_down = True
    assert {"m-1"} == home.track(mixed).failed
    home.dead_letter_queue.is_down = False
    tracked = home.track(replace(mixed, receives=2))
    assert (set(), 1, {"apiCalls": 2}) == (tracked.failed, len(home.letters), home.used("ada"))
