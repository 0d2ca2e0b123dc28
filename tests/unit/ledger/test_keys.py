"""Keys are spelled for ever: a table outlives the release that wrote it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tollkeeper.ledger import keys
from tollkeeper.ledger.table import Key

DAY = date(2025, 11, 3)
AT = datetime(2025, 11, 3, 9, 30, 15, 123456, tzinfo=UTC)
START = datetime(2025, 11, 3, tzinfo=UTC)
PERIOD = keys.period_of("ada", START, "sub_1")
NAME = "2025-11-03T00:00:00Z#sub_1"

SPELLED = {
    "user": (keys.profile("ada"), "USER#ada", "PROFILE"),
    "period": (PERIOD, "USER#ada", f"PERIOD#{NAME}"),
    "period by its name": (keys.period_by_id("ada", NAME), "USER#ada", f"PERIOD#{NAME}"),
    "calendar period": (
        keys.period_of("ada", START, None),
        "USER#ada",
        "PERIOD#2025-11-03T00:00:00Z#calendar",
    ),
    "day": (keys.day("ada", DAY, "north#1"), "USER#ada", "DAY#2025-11-03#north#1"),
    "day of no facility": (keys.day("ada", DAY, None), "USER#ada", "DAY#2025-11-03#"),
    "page": (
        keys.page(PERIOD, "2025-10", AT, "x"),
        "USER#ada",
        f"PAGE#{NAME}#2025-10#2025-11-03T09:30:15.123456Z#x",
    ),
    "bill": (keys.bill("ada", NAME), "USER#ada", f"BILL#{NAME}"),
    "audit": (keys.audit("ada", AT, "x"), "USER#ada", "AUDIT#2025-11-03T09:30:15.123456Z#x"),
    "announcement": (keys.announcement("ada", "id"), "USER#ada", "ANNOUNCEMENT#id"),
    "announcement of coverage": (keys.announcement(None, "id"), "COVERAGE", "ANNOUNCEMENT#id"),
    "answer": (keys.answer("ada"), "USER#ada", "ANSWER"),
    "record": (keys.record("a#b%", "id#1"), "RECORD#a%23b%25#id#1", "RECORD"),
    "attempt": (keys.attempt("m"), "ATTEMPT#m", "ATTEMPT"),
    "backlog": (keys.backlog(AT, "t"), "BACKLOG", "NOTED#2025-11-03T09:30:00Z#t"),
    "sweep": (keys.sweep(), "SWEEP", "PROGRESS"),
    "coverage": (keys.coverage(AT, "p"), "COVERAGE#2025-11-03", "TOLD#2025-11-03T09:30:15.123456Z#p"),
    "link": (keys.link("d"), "LINK#d", "LINK"),
    "session": (keys.session("d"), "SESSION#d", "SESSION"),
}


@pytest.mark.parametrize(("key", "pk", "sk"), SPELLED.values(), ids=SPELLED)
def test_a_key_is_spelled_as_ever(key: Key, pk: str, sk: str) -> None:
    """As the table of docs/architecture.md has it."""
    assert (pk, sk) == key


def test_what_a_key_was_made_of_is_read_from_it() -> None:
    """Of each key that is read."""
    assert ("ada", START, NAME) == keys.read_period(PERIOD)
    assert (START, "sub_1") == keys.read_period_key(PERIOD)
    assert (START, None) == keys.read_period_key(keys.period_of("ada", START, None))
    assert (DAY, "north#1") == (
        keys.read_day(keys.day("ada", DAY, "north#1")),
        keys.read_facility(keys.day("ada", DAY, "north#1")),
    )
    assert keys.read_facility(keys.day("ada", DAY, None)) is None
    assert (PERIOD, "2025-10") == keys.read_page(keys.page(PERIOD, "2025-10", AT, "x"))
    assert ("a#b%", "id#1") == keys.read_record(keys.record("a#b%", "id#1"))
    assert ("ada", START, NAME) == keys.read_period(keys.bill("ada", NAME))


def test_a_range_holds_its_keys_and_no_others() -> None:
    """From the first to the last, by their sort keys."""
    later = keys.period_of("ada", START + timedelta(seconds=1), None)
    days = keys.days(DAY, DAY)
    assert [True, False] == [each.sk <= keys.periods_from(START).last for each in (PERIOD, later)]
    assert keys.periods_from(START).first <= PERIOD.sk
    assert keys.periods_until(DAY).first <= PERIOD.sk <= keys.periods_until(DAY).last
    assert keys.periods_until(DAY - timedelta(days=1)).last < PERIOD.sk
    assert keys.all_periods().first <= PERIOD.sk <= "PROFILE" == keys.all_periods().last
    assert keys.periods_alone().first <= PERIOD.sk <= keys.periods_alone().last < "PROFILE"
    assert days.first <= keys.day("ada", DAY, "north").sk <= days.last
    assert days.last < keys.day("ada", DAY + timedelta(days=1), None).sk
    assert ("BACKLOG", "NOTED#2025-11-03T09:30:00Z", "NOTED$") == keys.backlog_since(AT)
    assert ("COVERAGE#2025-11-03", "TOLD#", "TOLD$") == keys.coverage_of(AT)
    assert [("PAGE#x#", "PAGE#x$"), ("BILL#", "BILL$"), ("AUDIT#", "AUDIT$")] == [
        keys.pages("x"),
        keys.bills(),
        keys.audit_trail(),
    ]


def test_the_index_has_four_parts_of_each_work() -> None:
    """And a user's work is always in the same one."""
    parts = [*keys.shards(keys.Due.CLOSE)]
    assert ["CLOSE#0", "CLOSE#1", "CLOSE#2", "CLOSE#3"] == parts
    assert {keys.shard(keys.Due.CLOSE, f"user-{number}") for number in range(40)} == {*parts}
    assert "CLOSE#0" == keys.shard(keys.Due.CLOSE, "ada")
