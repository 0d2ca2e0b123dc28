"""How what the table's stream tells becomes events on the bus."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import NOW, PERIOD
from tests.fakes.runtime import FixedClock
from tests.fakes.stream import Record, StreamingTable, is_delivered, record
from tollkeeper.announcements.announcer import MOST_BYTES, Announced, EventBus, Unpublished, announce
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.coverage_book import CoverageBook
from tollkeeper.ledger.table import Change, Key, Row
from tollkeeper.ledger.users import Users
from tollkeeper.rules.announcements import Announcement, Kind
from tollkeeper.rules.coverage import CoverageReport, Requests, UnmappedPath

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

FAILED = Announcement.of(Kind.PAYMENT_FAILED, "ada", ["in_1", "1"], at=NOW, detail={"amount": 9900})
WILL_END = Announcement.of(Kind.TRIAL_WILL_END, "ada", ["sub_ada"], at=NOW, detail={"note": "ü"})


class FakeEvents:
    """An event bus that keeps what it is sent.

    `refuses` says of an event that EventBridge does not take it, with `code`; `invalid` that it takes no
    request with it. `error` is what every request fails with.
    """

    def __init__(self) -> None:
        self.requests: list[list[Mapping[str, Any]]] = []
        self.refuses: Callable[[Mapping[str, Any]], bool] = lambda _: False
        self.code = "InternalFailure"
        self.error: Exception | None = None
        self.invalid: Callable[[Mapping[str, Any]], bool] = lambda _: False

    @property
    def entries(self) -> list[Mapping[str, Any]]:
        """The events that were taken."""
        return [entry for request in self.requests for entry in request]

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Keep the events that are not refused."""
        if self.error:
            raise self.error
        if any(map(self.invalid, Entries)):
            raise ClientError({"Error": {"Code": "ValidationException", "Message": ""}}, "PutEvents")
        refused = [self.refuses(each) for each in Entries]
        self.requests.append([each for each, no in zip(Entries, refused, strict=True) if not no])
        return {
            "FailedEntryCount": sum(refused),
            "Entries": [{"ErrorCode": self.code} if no else {"EventId": "e"} for no in refused],
        }


@pytest.fixture
def events() -> FakeEvents:
    """EventBridge, without any event yet."""
    return FakeEvents()


@pytest.fixture
def table() -> StreamingTable:
    """An empty table and its stream."""
    return StreamingTable(NOW)


def bus(events: FakeEvents) -> EventBus:
    """The stack's bus."""
    return EventBus(cast("EventBridgeClient", events), "live")


class FakeAside:
    """Where records are put aside: it keeps them with their reasons, while it works."""

    def __init__(self) -> None:
        self.kept: list[tuple[Mapping[str, Any], str]] = []
        self.works = True

    def put(self, record: Mapping[str, Any], reason: str) -> bool:
        """Keep a record."""
        if self.works:
            self.kept.append((record, reason))
        return self.works


@pytest.fixture
def aside() -> FakeAside:
    """Nothing put aside yet."""
    return FakeAside()


def told(events: FakeEvents, records: Sequence[Record], aside: FakeAside | None = None) -> Announced:
    """Announce records of the stream."""
    return announce(records, bus(events), aside or FakeAside(), FixedClock(NOW))


def count(table: StreamingTable, exports: int) -> None:
    """Count Ada's exports."""
    begin = rows.period_bounds(PERIOD)
    table.transact([Change(keys.period("ada", PERIOD), begin=begin, add={"used_exports": exports})])


def large(number: int, size: int) -> Announcement:
    """An announcement of so many bytes, and a few hundred."""
    return Announcement.of(
        Kind.BILLING_DRIFT, "ada", [str(number)], at=NOW, detail={"note": "ü" * (size // 2)}
    )


def test_an_announcement_is_an_event(events: FakeEvents) -> None:
    """Its kind is the detail-type, its detail says also whose it is, when, and under which id to know it."""
    assert [] == bus(events).publish([FAILED])
    (entry,) = events.entries
    detail = {"amount": 9900, "id": FAILED.id, "userId": "ada", "at": "2025-11-15T12:00:00Z"}
    assert ("live", "tollkeeper", "payment.failed", NOW, detail) == (
        entry["EventBusName"],
        entry["Source"],
        entry["DetailType"],
        entry["Time"],
        json.loads(entry["Detail"]),
    )


def test_what_eventbridge_does_not_take_is_named(events: FakeEvents) -> None:
    """It takes the events of a request one by one; the others are on their way."""
    events.refuses = lambda entry: entry["DetailType"] == "payment.failed"
    assert [(1, None)] == bus(events).publish([WILL_END, FAILED])
    assert ["trial.will_end"] == [each["DetailType"] for each in events.entries]


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "PutEvents"),
        EndpointConnectionError(endpoint_url="https://events.test"),
    ],
)
def test_while_eventbridge_takes_nothing_nothing_is_published(events: FakeEvents, error: Exception) -> None:
    """Every announcement of the request is named."""
    events.error = error
    assert [(0, None), (1, None)] == bus(events).publish([WILL_END, FAILED])


@given(sizes=st.lists(st.integers(min_value=0, max_value=MOST_BYTES - 1_000), max_size=25))
def test_a_request_holds_what_eventbridge_takes(sizes: list[int]) -> None:
    """At most ten events and 256 KB, in their order, and none is left out."""
    events = FakeEvents()
    sent = [large(number, size) for number, size in enumerate(sizes)]
    assert [] == bus(events).publish(sent)
    assert [each.id for each in sent] == [json.loads(each["Detail"])["id"] for each in events.entries]
    for request in events.requests:
        assert 1 <= len(request) <= 10
        texts = [each[name] for each in request for name in ("Source", "DetailType", "Detail")]
        assert 256 * 1024 >= 14 * len(request) + sum(len(text.encode()) for text in texts)


def test_an_announcement_is_published_once_it_is_written(events: FakeEvents, table: StreamingTable) -> None:
    """Written again, under the id it has, it does not even stir the stream."""
    users = Users(table)
    users.announce([WILL_END])
    users.announce([WILL_END, FAILED])
    assert Announced(published=2) == told(events, table.stream)
    assert ["trial.will_end", "payment.failed"] == [each["DetailType"] for each in events.entries]


def test_usage_is_published_when_it_reaches_a_threshold(events: FakeEvents, table: StreamingTable) -> None:
    """The row of the period says it, whoever counted."""
    count(table, 249)
    count(table, 1)
    count(table, 150)
    assert Announced(published=2) == told(events, table.stream)
    assert [("ada", "exports", 50), ("ada", "exports", 80)] == [
        (detail["userId"], detail["eventType"], detail["threshold"])
        for detail in (json.loads(each["Detail"]) for each in events.entries)
    ]


def test_a_threshold_is_of_the_moment_when_the_row_was_written(
    events: FakeEvents, table: StreamingTable
) -> None:
    """Not of the moment at which the stream is read, so that it is the same each time."""

    class LaterClock(FixedClock):
        def at(self, wall: datetime) -> datetime:
            return wall.replace(year=2030)

    count(table, 250)
    announce(table.stream, bus(events), FakeAside(), LaterClock(NOW))
    assert [NOW.replace(year=2030)] == [each["Time"] for each in events.entries]


@pytest.mark.parametrize(
    ("old", "new"), [(None, {"n": 1}), ({"n": 1}, {"n": 2}), ({"n": 1}, None)], ids=["new", "changed", "gone"]
)
@pytest.mark.parametrize("sk", ["PROFILE", "DAY#2025-11-03#", "PAGE#x", "AUDIT#x", "OUTBOX#x", "RECORD"])
def test_other_rows_announce_nothing(events: FakeEvents, sk: str, old: Row | None, new: Row | None) -> None:
    """Should the event source let them through, they are read and left."""
    assert Announced() == told(events, [record(Key("USER#ada", sk), old, new, number=1, at=NOW)])


def test_what_the_table_forgets_is_not_announced(events: FakeEvents, table: StreamingTable) -> None:
    """An announcement is removed after thirty days."""
    Users(table).announce([FAILED])
    ((key, row),) = table.rows.items()
    assert Announced() == told(events, [record(key, row, None, number=1, at=NOW)])


STRANGE = [
    record(Key("USER#ada", "ANNOUNCEMENT#1"), None, {"kind": "no.kind"}, number=7, at=NOW),
    record(Key("USER#ada", "PERIOD#1"), None, {"userId": "ada"}, number=8, at=NOW),
    {"dynamodb": {"SequenceNumber": "9"}},
    {"eventID": "10"},
    record(Key("USER#ada", "ANNOUNCEMENT#1"), None, {"kind": 5}, number=11, at=NOW),
]


def test_a_record_that_cannot_be_read_is_put_aside(
    events: FakeEvents, table: StreamingTable, aside: FakeAside
) -> None:
    """Just as it came, with the reason; its neighbours are published, and none of them comes again."""
    Users(table).announce([FAILED])
    assert Announced(published=1, put_aside=5) == told(events, [*STRANGE, *table.stream], aside)
    assert STRANGE == [kept for kept, _ in aside.kept]
    assert ["it cannot be read"] * 5 == [reason.partition(":")[0] for _, reason in aside.kept]


def test_a_record_that_could_not_be_put_aside_comes_again(
    events: FakeEvents, table: StreamingTable, aside: FakeAside
) -> None:
    """Only then does it keep its shard waiting."""
    Users(table).announce([FAILED])
    aside.works = False
    assert Announced(published=1, failed={"7"}) == told(events, [*STRANGE, *table.stream], aside)
    assert Announced(failed={""}) == told(events, [{"eventID": "10"}], aside)


def test_what_comes_again_is_not_put_aside_each_time(
    events: FakeEvents, table: StreamingTable, aside: FakeAside
) -> None:
    """While a record before it fails for the time being, Lambda brings it back with that one."""
    Users(table).announce([FAILED])
    events.refuses = lambda _: True
    assert Announced(put_aside=1, failed={"0"}) == told(
        events, [STRANGE[0], *table.stream, STRANGE[1]], aside
    )
    assert [STRANGE[0]] == [kept for kept, _ in aside.kept]


def test_a_record_that_comes_again_is_not_put_aside(table: StreamingTable, aside: FakeAside) -> None:
    """Of two announcements of one record one is refused for the time being, the other for ever."""

    class Half:
        def publish(self, announcements: Sequence[Announcement]) -> list[Unpublished]:
            assert 2 == len(announcements)
            return [Unpublished(0, None), Unpublished(1, "MalformedDetail")]

    count(table, 400)
    assert Announced(failed={"0"}) == announce(table.stream, Half(), aside, FixedClock(NOW))
    assert [] == aside.kept


@pytest.mark.parametrize("code", ["MalformedDetail", "InvalidArgument"])
def test_what_eventbridge_never_takes_is_put_aside(
    events: FakeEvents, table: StreamingTable, aside: FakeAside, code: str
) -> None:
    """It would fail each time; the reason names EventBridge's code."""
    Users(table).announce([WILL_END, FAILED])
    events.code = code
    events.refuses = lambda entry: entry["DetailType"] == "payment.failed"
    assert Announced(published=1, put_aside=1) == told(events, table.stream, aside)
    assert [(table.stream[1], f"EventBridge refuses what it announces: {code}")] == aside.kept


def test_one_invalid_event_does_not_spoil_its_request(
    events: FakeEvents, table: StreamingTable, aside: FakeAside
) -> None:
    """EventBridge then takes none of a request: each is sent by itself, and only that one is put aside."""
    Users(table).announce([WILL_END, FAILED])
    events.invalid = lambda entry: entry["DetailType"] == "trial.will_end"
    assert Announced(published=1, put_aside=1) == told(events, table.stream, aside)
    assert [(table.stream[0], "EventBridge refuses what it announces: ValidationException")] == aside.kept


def test_while_the_clock_does_not_answer_the_batch_comes_again(table: StreamingTable) -> None:
    """That is nobody's record's fault: nothing is put aside."""

    class SilentClock(FixedClock):
        def at(self, wall: datetime) -> datetime:
            raise TimeoutError(wall)

    aside = FakeAside()
    count(table, 250)
    with pytest.raises(TimeoutError):
        announce(table.stream, bus(FakeEvents()), aside, SilentClock(NOW))
    assert [] == aside.kept


def test_a_record_whose_announcement_was_not_taken_fails_alone(
    events: FakeEvents, table: StreamingTable
) -> None:
    """It is named by its sequence number."""
    Users(table).announce([WILL_END, FAILED])
    events.refuses = lambda entry: entry["DetailType"] == "payment.failed"
    assert Announced(published=1, failed={"1"}) == told(events, table.stream)


def test_what_nobody_has_mapped_is_announced_and_is_of_no_user(
    events: FakeEvents, table: StreamingTable
) -> None:
    """Once, however many processes tell of it; the rows of their reports announce nothing."""
    hour = NOW.replace(minute=0)
    path = UnmappedPath("DELETE", "/api/designs/*", 2)
    for process in ("p-1", "p-2"):
        CoverageBook(table).put(CoverageReport("shop", process, hour, Requests(unmapped=2), [path]), NOW)
    delivered = [each for each in table.stream if is_delivered(each)]
    assert 1 == told(events, delivered).published
    (entry,) = events.entries
    detail = json.loads(entry["Detail"])
    assert ("coverage.gap", "shop", "DELETE", "/api/designs/*") == (
        entry["DetailType"],
        *(detail[name] for name in ("host", "method", "path")),
    )
    assert "userId" not in detail
