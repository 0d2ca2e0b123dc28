"""The tracker may die at any moment; what was accepted is counted once all the same, or is a dead letter."""

import json
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from tests.fakes.table import MemoryTable
from tests.fakes.tracker import tracker_of
from tests.ledger.crashes import Crash, CrashingDeadLetters, CrashingTable, Moment, Outside
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.table import Table
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.times import iso
from tollkeeper.usage.batch import Message
from tollkeeper.usage.messages import DeadLetter

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OFFER = Offer(load(), date(2000, 1, 1))
MOMENTS = list(Moment)


def record(number: int, user: str = "ada", metric: str = "apiCalls", quantity: int = 1) -> dict[str, object]:
    """Return a record as it travels on the queue."""
    at = iso(NOW - timedelta(days=number % 3))
    return {"id": f"id-{number}", "userId": user, "eventType": metric, "quantity": quantity, "timestamp": at}


def message(name: str, *records: object, accepted_at: datetime = NOW) -> Message:
    """Return a message of the queue, delivered for the first time."""
    body = json.dumps({"records": records, "acceptedAt": iso(accepted_at)})
    return Message(name, body, NOW, receives=1)


MESSAGES = [
    message("m1", *(record(number) for number in range(120))),
    message("m2", record(5), record(7, quantity=2), record(200, "bob", "exports", 3), {"id": "poison"}),
    message(
        "m3",
        {"id": "c", "userId": "ada", "eventType": "apiCalls", "quantity": -20, "reason": "r", "actor": "eve"},
        {"id": "d", "userId": "bob", "eventType": "exports", "quantity": -4, "reason": "r", "actor": "eve"},
        accepted_at=NOW - timedelta(hours=1),
    ),
    Message("m4", "no records at all", NOW, receives=1),
]
"""120 records of one user, a repeat, a contradiction, poison, corrections possible and not, and nonsense."""

COUNTED = {("ada", "apiCalls"): 100, ("bob", "exports"): 3}
REASONS = {"id_conflict": 1, "below_zero": 1, "invalid_record": 2}
CALLS = [
    "transact 0 puts, 1 changes",  # what is noted of the queue
    "get_all",  # the users' rows
    "get_all",  # the periods' of those who bring few
    "transact 95 puts, 4 changes",
    "transact 27 puts, 4 changes",
    "transact 2 puts, 2 changes",
    "transact 1 puts, 1 changes",
    "transact 2 puts, 2 changes",
    "dead letters 4",
]
"""Every outside call of one run, in order: whoever adds one sees this fail, and the crashes cover it."""


def run(table: Table, letters: list[DeadLetter], outside: Outside, *, redelivered: bool = False) -> None:
    """Let the tracker take all messages, through the outside."""
    through = CrashingTable(table, outside)
    tracker = tracker_of(
        through,
        Counting(through, OFFER),
        CrashingDeadLetters(letters, outside),
        OFFER.catalogue.metrics,
    )
    messages = [replace(each, receives=2 if redelivered else 1) for each in MESSAGES]
    tracked = tracker.track(messages, NOW, for_seconds(5))
    assert set() == tracked.failed


def counted(table: Table) -> dict[tuple[str, str], int]:
    """Return the units in every period's row, by user and metric."""
    return {
        (user, name.removeprefix(rows.USED)): int(value)
        for user in ("ada", "bob")
        for row in table.query(keys.user(user), "PERIOD#", "PERIOD$")
        for name, value in row.items()
        if name.startswith(rows.USED)
    }


def reasons(letters: list[DeadLetter]) -> dict[str, int]:
    """Return how many different records became dead letters, by reason."""
    return Counter(
        each.partition(" ")[0].rstrip(":") for each in {f"{each.reason} {each.record}" for each in letters}
    )


def test_every_outside_call_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """One run makes just the calls at which the other tests let it die."""
    outside = Outside()
    run(MemoryTable(), [], outside)
    with capsys.disabled():
        print("\nCrash points of the tracker, each before and after:", *outside.calls, sep="\n  ")  # noqa: T201
    assert CALLS == outside.calls


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("point", range(len(CALLS)))
def test_a_crash_changes_nothing(table: Table, point: int, moment: Moment) -> None:
    """A batch that died at any point and came again counts as if nothing had happened."""
    letters: list[DeadLetter] = []
    with pytest.raises(Crash):
        run(table, letters, Outside(point, moment))
    run(table, letters, Outside(), redelivered=True)
    assert (COUNTED, REASONS) == (counted(table), reasons(letters))


def test_two_crashes_change_nothing() -> None:
    """Dying twice, at any two points, is no different."""
    for first, second in product(product(range(len(CALLS)), MOMENTS), repeat=2):
        table, letters = MemoryTable(), list[DeadLetter]()
        with pytest.raises(Crash):
            run(table, letters, Outside(*first))
        with suppress(Crash):  # a second run has fewer calls to die at, as far as the first came
            run(table, letters, Outside(*second), redelivered=True)
        run(table, letters, Outside(), redelivered=True)
        assert (COUNTED, REASONS) == (counted(table), reasons(letters))
