"""Usage through both doors of the deployed stack, and what is shown of it afterwards."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from infra.local.places import Home
from tests.e2e.callers import Callers, soon
from tests.e2e.operators import operate
from tests.e2e.queues import Queues
from tollkeeper.rules.times import iso

LONG_AGO = timedelta(days=33)
DEEP = {"a": json.loads("[" * 31 + "]" * 31)}


def record(user: str, name: str, at: datetime, **more: object) -> dict[str, Any]:
    """Return a record as either door takes it."""
    return {"id": name, "userId": user, "eventType": "exports", "timestamp": at.isoformat(), **more}


def report(callers: Callers, *records: dict[str, Any]) -> None:
    """Send records through the API."""
    answer = callers.service.post("/usage", json={"records": records})
    assert (202, len(records)) == (answer.status_code, answer.json()["accepted"])


def correct(callers: Callers, user: str, quantity: int) -> None:
    """Take exports back."""
    whole = {"userId": user, "id": "fix", "eventType": "exports", "reason": "a test", "actor": "support"}
    assert 202 == callers.service.post("/usage/corrections", json={**whole, "quantity": quantity}).status_code


def has_used(callers: Callers, user: str, exports: int) -> bool:
    """Whether so many exports are shown, soon."""
    return exports == soon(lambda: callers.usage(user)["exports"], lambda used: used == exports)


def shown(callers: Callers, user: str, question: str) -> dict[str, Any]:
    """Return what a user is shown, having seen that a back end is shown the same of them."""
    own: dict[str, Any] = callers.user(user).get(f"/{question}").json()
    assert own == callers.service.get(f"/users/{user}/{question.removeprefix('usage/')}").json()
    return own


def test_what_comes_through_both_doors_counts_once(callers: Callers, queues: Queues, user: str) -> None:
    """The API and the queue take the same records; one that comes by both, or twice by either, is one."""
    now = callers.now()
    first, second, third = (record(user, name, now, quantity=2) for name in ("first", "second", "third"))
    report(callers, first, second, first)
    queues.send(json.dumps({"records": [second, third, second]}))
    queues.send(json.dumps({"records": [third, first]}))
    report(callers, third)
    queues.settle()
    assert has_used(callers, user, 6)
    month = shown(callers, user, f"usage/records?billingMonth={now:%Y-%m}")
    assert ["first", "second", "third"] == sorted(each["id"] for each in month["records"])


def test_an_id_that_comes_back_as_something_else_is_a_dead_letter(
    callers: Callers, queues: Queues, user: str
) -> None:
    """The first is counted; the other is kept with its reason, and never silently dropped."""
    now = callers.now()
    report(callers, record(user, "same", now))
    assert has_used(callers, user, 1)
    queues.send(json.dumps({"records": [record(user, "same", now, quantity=7)]}))
    [letter] = queues.letters(user)
    assert ("id_conflict", 7) == (letter["reason"], letter["records"][0]["quantity"])
    assert has_used(callers, user, 1)


@pytest.fixture
def now(callers: Callers) -> datetime:
    """What time it is for the stack as the test begins: its clock may be running."""
    return callers.now()


@pytest.fixture
def busy(callers: Callers, user: str, now: datetime) -> str:
    """Somebody with usage of two metrics, in two facilities, this month and earlier."""
    report(
        callers,
        record(user, "north", now, quantity=3, facilityId="north", eventData={"format": "pdf", "räume": 2}),
        record(user, "south", now, quantity=4, facilityId="south", eventData=DEEP),
        record(user, "query", now, eventType="aiQueries"),
        record(user, "before", now - LONG_AGO, quantity=5),
    )
    assert has_used(callers, user, 7)
    return user


def test_the_series_add_up(callers: Callers, busy: str, now: datetime) -> None:
    """By day, by month and by facility GET /usage says what was sent, to users and back ends alike."""
    span = f"from={now - LONG_AGO:%Y-%m-%d}&to={now:%Y-%m-%d}"
    days = shown(callers, busy, f"usage?{span}")
    of_north = shown(callers, busy, f"usage?{span}&facilityId=north")
    months = shown(callers, busy, f"usage?{span}&granularity=month")
    assert (12, 1, 3) == (days["total"]["exports"], days["total"]["aiQueries"], of_north["total"]["exports"])
    assert (5, 7) == (days["series"][0]["usage"]["exports"], days["series"][-1]["usage"]["exports"])
    assert (5, 7) == (months["series"][0]["usage"]["exports"], months["series"][-1]["usage"]["exports"])


def test_the_records_behind_a_number_are_those_that_were_sent(
    callers: Callers, busy: str, now: datetime
) -> None:
    """Each with its time, facility and data, in the period and in the month that it belongs to."""
    period = shown(callers, busy, "subscription")["currentPeriodStart"]
    present = shown(callers, busy, f"usage/records?period={period}")["records"]
    assert {
        ("north", 3, "north", '{"format": "pdf", "r\\u00e4ume": 2}'),
        ("south", 4, "south", json.dumps(DEEP)),
        ("query", 1, None, "null"),
    } == {
        (each["id"], each["quantity"], each["facilityId"], json.dumps(each["eventData"])) for each in present
    }
    assert {f"{now:%Y-%m}"} == {each["billingMonth"] for each in present}
    month = f"{now - LONG_AGO:%Y-%m}"
    [before] = shown(callers, busy, f"usage/records?billingMonth={month}")["records"]
    assert ("before", 5, now - LONG_AGO) == (
        before["id"],
        before["quantity"],
        datetime.fromisoformat(before["timestamp"]),
    )


def test_what_was_consumed_is_shown_like_what_was_reported(callers: Callers, user: str) -> None:
    """It stands in the month's records, and reporting it under its id counts it no second time."""
    now = callers.now()
    assert 200 == callers.consume(user, "exports", "export", 2).status_code
    report(callers, record(user, "export", now, quantity=2), record(user, "another", now))
    assert has_used(callers, user, 3)
    asked = f"usage/records?billingMonth={now:%Y-%m}"
    listed = soon(
        lambda: callers.user(user).get(f"/{asked}").json()["records"], lambda records: len(records) >= 2
    )
    assert {("export", 2), ("another", 1)} == {(each["id"], each["quantity"]) for each in listed}
    day = shown(callers, user, f"usage?from={now:%Y-%m-%d}&to={now:%Y-%m-%d}")
    assert 3 == day["total"]["exports"]


def test_a_correction_takes_usage_back(callers: Callers, user: str) -> None:
    """The sum is smaller, and the correction stands among the records with its reason and actor."""
    report(callers, record(user, "export", callers.now(), quantity=5))
    assert has_used(callers, user, 5)
    correct(callers, user, -2)
    assert has_used(callers, user, 3)
    month = shown(callers, user, f"usage/records?billingMonth={callers.now():%Y-%m}")["records"]
    [fix] = [each for each in month if each["id"] == "fix"]
    assert (-2, "a test", "support") == (fix["quantity"], fix["reason"], fix["actor"])


def test_a_correction_that_overtakes_its_usage_waits_for_it(callers: Callers, user: str) -> None:
    """It comes again, a little later each time, and takes back what has come meanwhile."""
    correct(callers, user, -2)
    assert has_used(callers, user, 0)
    report(callers, record(user, "export", callers.now(), quantity=5))
    assert has_used(callers, user, 3)


def test_a_dead_letter_counts_once_its_cause_is_mended(
    home: Home, callers: Callers, queues: Queues, user: str
) -> None:
    """It is shown with its reason, and a redrive makes it count."""
    now = callers.now()
    letter = {
        "records": [record(user, "export", now, quantity=5)],
        "acceptedAt": iso(now),
        "reason": "mended",
    }
    queues.bury(json.dumps(letter), f"mended for {user}")
    assert user in operate(home, "dead-letters", "--reason", user, code=1)
    assert "1 sent again" in operate(home, "redrive", "--reason", user)
    assert has_used(callers, user, 5)
    assert operate(home, "dead-letters", "--reason", user).startswith("0 waiting")
