"""The announcer may die at any moment, and the bus refuse: all that happened is announced, under one id."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from itertools import batched, product
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.stream import Record, StreamingTable, is_delivered, left_to_deliver
from tests.ledger.crashes import Crash, CrashingTable, Moment, Outside
from tollkeeper.announcements.announcer import EventBus, announce
from tollkeeper.catalogue import load
from tollkeeper.clock import WallClock
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.users import Users
from tollkeeper.rules.announcements import THRESHOLDS, Announcement, Kind
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import User

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OFFER = Offer(load(), date(2000, 1, 1))
LIMIT = OFFER.free(NOW).limits["apiCalls"]
MOMENTS = list(Moment)
BATCH = 12

PAYMENTS = [
    Announcement.of(Kind.PAYMENT_FAILED, f"user-{number}", [f"in_{number}", "1"], at=NOW, detail={})
    for number in range(12)
]

type Told = tuple[str, str]
"""What is announced by an event, and to whom it happened."""


class Events:
    """An event bus that can only be reached through the outside; `takes` says which events it takes."""

    def __init__(self, outside: Outside, takes: Iterator[bool]) -> None:
        self.told: dict[str, set[Told]] = {}
        self._outside = outside
        self._takes = takes

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Take events, by their ids."""
        with self._outside.call(f"put {len(Entries)} events"):
            return {"Entries": [self._taken(each) for each in Entries]}

    def _taken(self, entry: Mapping[str, Any]) -> dict[str, str]:
        if not next(self._takes, True):
            return {"ErrorCode": "InternalFailure"}
        detail = json.loads(entry["Detail"])
        what = (
            f"{detail['eventType']} {detail['threshold']}" if "threshold" in detail else entry["DetailType"]
        )
        self.told.setdefault(detail["id"], set()).add((detail["userId"], what))
        return {"EventId": "event"}


class Nowhere:
    """Where nothing is put aside, since every record of the stream can be read."""

    def put(self, record: Mapping[str, Any], reason: str) -> bool:
        """Fail."""
        raise AssertionError((record, reason))


def count(table: StreamingTable, user: str, quantities: Sequence[int]) -> None:
    """Count a user's API calls one after another, corrections among them."""
    counting = Counting(table, OFFER)
    for number, quantity in enumerate(quantities):
        record = UsageRecord(f"{user}-{number}", user, "apiCalls", quantity, NOW, NOW)
        counting.count(User(user), [record], now=NOW, patience=for_seconds(5))


def busy() -> list[Record]:
    """A stream with thresholds of three users, one reached again after a correction, and twelve rows."""
    table = StreamingTable(NOW)
    count(table, "ada", [LIMIT // 2, -1, 1, LIMIT])
    Users(table).announce(PAYMENTS[:6])
    count(table, "bob", [LIMIT])
    Users(table).announce(PAYMENTS[6:])
    count(table, "eve", [LIMIT // 2 - 1, LIMIT // 4])
    return [each for each in table.stream if is_delivered(each)]


STREAM = busy()
EXPECTED: set[Told] = {
    *((user, f"apiCalls {percent}") for user in ("ada", "bob") for percent in THRESHOLDS),
    ("eve", "apiCalls 50"),
    *((str(each.user_id), "payment.failed") for each in PAYMENTS),
}
CALLS = ["put 10 events", "put 4 events", "put 6 events"]
"""Every outside call of one undisturbed run, in order: whoever adds one sees this fail."""


def deliver(stream: Sequence[Record], outside: Outside, takes: Sequence[bool] = ()) -> dict[str, set[Told]]:
    """Deliver a stream in batches as Lambda does, each until it is done; return what was told by each id."""
    events = Events(outside, iter(takes))
    bus = EventBus(cast("EventBridgeClient", events), "bus")
    for whole in batched(stream, BATCH, strict=False):
        batch: Sequence[Record] = whole
        while batch:
            with suppress(Crash):
                batch = left_to_deliver(batch, announce(batch, bus, Nowhere(), WallClock()).failed)
    return events.told


def test_every_outside_call_is_known() -> None:
    """Undisturbed, each fact is published under one id of its own."""
    outside = Outside()
    told = deliver(STREAM, outside)
    assert CALLS == outside.calls
    assert EXPECTED == set().union(*told.values())
    assert len(EXPECTED) == len(told)


@pytest.mark.parametrize(("call", "moment"), [*product(range(len(CALLS)), MOMENTS)])
def test_a_crash_loses_and_renames_nothing(call: int, moment: Moment) -> None:
    """Whether EventBridge had the events or not, the redelivery brings them under the ids they have."""
    assert deliver(STREAM, Outside()) == deliver(STREAM, Outside(call, moment))


@given(takes=st.lists(st.booleans(), max_size=60))
def test_refusals_lose_and_rename_nothing(takes: list[bool]) -> None:
    """What EventBridge does not take comes again, with what stands behind it in the stream."""
    assert deliver(STREAM, Outside()) == deliver(STREAM, Outside(), takes)


@pytest.mark.parametrize("moment", MOMENTS)
def test_between_a_write_and_its_publication_nothing_is_lost(moment: Moment) -> None:
    """Who announces may die around the write; the event that moved them comes again, and one id is told."""
    table = StreamingTable(NOW)
    with suppress(Crash):
        Users(CrashingTable(table, Outside(0, moment))).announce(PAYMENTS[:1])
    Users(table).announce(PAYMENTS[:1])
    assert {PAYMENTS[0].id: {("user-0", "payment.failed")}} == deliver(table.stream, Outside())


@given(
    quantities=st.lists(st.integers(min_value=1, max_value=LIMIT), max_size=8), takes=st.lists(st.booleans())
)
def test_every_threshold_that_counting_reaches_is_announced(quantities: list[int], takes: list[bool]) -> None:
    """From the record to the bus: whatever came, and however often the bus refused."""
    table = StreamingTable(NOW)
    count(table, "ada", quantities)
    told = deliver([each for each in table.stream if is_delivered(each)], Outside(), takes)
    reached = {
        ("ada", f"apiCalls {percent}") for percent in THRESHOLDS if sum(quantities) * 100 >= LIMIT * percent
    }
    assert (reached, len(reached)) == (set().union(*told.values()), len(told))
