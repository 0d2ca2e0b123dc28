"""Old and new code stand side by side at one table, and rows come to a new form while both work on them."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.fakes.table import MemoryTable
from tests.ledger.billing_house import HOUR, MINUTE, House, busy_house
from tests.ledger.story import Story
from tollkeeper.ledger import keys
from tollkeeper.ledger.forms import form_of, forward
from tollkeeper.ledger.rows import FORM, VERSION
from tollkeeper.ledger.table import Key, Row, TransactionCancelledError
from tollkeeper.usage.messages import QueuedRecords, unpack

NOON = datetime(2025, 11, 3, 12, tzinfo=UTC)
OF_LATER: Row = {"ofALaterRelease": "kept", "alsoNew": 7}
"""What a release to come may write beside what this one knows."""


def as_written_before(table: MemoryTable) -> None:
    """Let rows be as releases wrote them that told no form and spelled terms otherwise, but those closed."""
    for row in table.rows.values():
        row.pop(VERSION, None)
        if "terms" in row and "closedAt" not in row:
            terms = {name: each for name, each in json.loads(str(row["terms"])).items() if name != VERSION}
            row["terms"] = json.dumps(dict(reversed(terms.items())), indent=1)


def migrate(table: MemoryTable, most: int = 1_000) -> Counter[str]:
    """Bring rows forward, as the command does it, until so many were changed."""
    report: Counter[str] = Counter()
    for row in [dict(each) for each in table.rows.values()]:
        change = forward(row)
        if change is None:
            report["present"] += 1
        elif report["changed"] < most:
            table.transact([change])
            report["changed"] += 1
    return report


def forms(table: MemoryTable) -> set[int]:
    """The forms of all rows that have one."""
    return {found for row in table.rows.values() if (found := form_of(row))}


@pytest.mark.parametrize("kind", ["PROFILE", "PERIOD#", "BILL#"])
def test_each_row_that_changes_says_its_form(kind: str) -> None:
    """Users, periods and bills; records, days and pages are written once, and do without."""
    house = busy_house()
    house.at(5 * MINUTE)
    house.run()
    found = [row for key, row in house.table.rows.items() if key.sk.startswith(kind)]
    assert found
    assert {FORM} == {form_of(row) for row in found}
    others = [row for row in house.table.rows.values() if form_of(row) is None]
    assert [] == [row for row in others if VERSION in row]


def test_what_a_later_release_writes_beside_it_is_left_in_place() -> None:
    """Whoever is rolled back to goes on, and the newer code finds its attributes again."""
    house = busy_house()
    for key, row in house.table.rows.items():
        if keys.has_form(key):
            row.update(OF_LATER, v=FORM + 1)
    house.use(units={"apiCalls": 100})
    house.hear()
    house.at(5 * MINUTE)
    house.run()
    bill = next(row for key, row in house.table.rows.items() if key.sk.startswith("BILL#"))
    bill.update(OF_LATER)
    house.go_on(3 * HOUR)
    assert [200, 500, 500] == house.cents()
    kept = [row for row in house.table.rows.values() if "ofALaterRelease" in row]
    assert {"PROFILE", "PERIOD", "BILL"} == {str(row["sk"]).partition("#")[0] for row in kept}
    assert all(row["alsoNew"] == 7 for row in kept)


def test_rows_come_forward_once_and_bill_the_same() -> None:
    """What was counted, capped and charged does not change; a second time finds nothing to do."""
    house = busy_house()
    as_written_before(house.table)
    assert {1} == forms(house.table)
    assert migrate(house.table)["changed"] == 3  # the user, the period that ended, the one that began
    assert {FORM} == forms(house.table)
    assert migrate(house.table)["changed"] == 0
    house.at(5 * MINUTE)
    house.go_on(3 * HOUR)
    assert [200, 500, 500] == house.cents()


def test_it_may_be_stopped_and_begun_again() -> None:
    """Row by row, each once: rows in both forms stand side by side meanwhile, and all is counted."""
    house = House(users=("ada", "bob", "cy"))
    as_written_before(house.table)
    changed = 0
    while more := migrate(house.table, most=1)["changed"]:
        changed += more
        house.use("bob", units={"apiCalls": 10})
    assert 6 == changed
    assert {FORM} == forms(house.table)


def test_who_writes_meanwhile_is_not_written_over() -> None:
    """A change of plan between reading and writing wins; the next run finds the row as it is then."""
    story = Story("starter")
    as_written_before(story.table)
    key = keys.period("ada", story.periods()[0])
    change = forward(dict(story.table.rows[key]))
    assert change
    story.world.change(story.world.live[0], plan="professional")
    story.hear()
    with pytest.raises(TransactionCancelledError):
        story.table.transact([change])
    assert "professional" in str(story.table.rows[key]["terms"])


def test_what_is_closed_keeps_its_terms_to_the_letter() -> None:
    """Its digest covers them: a row that was brought forward is still what it was when it closed."""
    house = busy_house()
    as_written_before(house.table)
    house.at(5 * MINUTE)
    house.run()
    closed = next(key for key, row in house.table.rows.items() if "closedAt" in row)
    before = dict(house.table.rows[closed])
    assert 1 == form_of(before)
    migrate(house.table)
    assert before == house.table.rows[closed]
    house.go_on(3 * HOUR)
    assert [200, 500, 500] == house.cents()


@pytest.mark.parametrize(
    ("body", "accepted"),
    [
        ('{"records": [{"id": "1"}]}', None),
        ('{"records": [{"id": "1"}], "acceptedAt": "2025-11-03T12:00:00Z"}', NOON),
        ('{"records": [{"id": "1"}], "acceptedAt": "2025-11-03T12:00:00Z", "ofALaterRelease": {}}', NOON),
    ],
)
def test_messages_under_way_are_read(body: str, accepted: datetime | None) -> None:
    """As a direct sender, this release and a later one write them."""
    assert QueuedRecords([{"id": "1"}], accepted) == unpack(body)


def test_other_rows_have_no_form() -> None:
    """They are left alone."""
    assert forward({"pk": "RECORD#ada#1", "sk": "RECORD", "m": "exports"}) is None
    assert not keys.has_form(Key("USER#ada", "DAY#2026-03-10#"))
