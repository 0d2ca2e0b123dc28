"""What was consumed is listed too, once, however often the stream tells of it."""

from typing import Any

import pytest

from tests.ledger.crashes import Crash, CrashingTable, Moment, Outside
from tests.ledger.test_consuming import consume, wish
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.listing import list_consumed
from tollkeeper.ledger.rows import PageLine
from tollkeeper.ledger.table import Table


def told(table: Table, *names: str) -> list[dict[str, Any]]:
    """Return what the stream tells of Ada's consumed records."""
    found = table.get_all([keys.record("ada", name) for name in names])
    return [
        {
            "dynamodb": {
                "SequenceNumber": str(number),
                "ApproximateCreationDateTime": 0,
                "Keys": {name: {"S": str(row[name])} for name in ("pk", "sk")},
                "NewImage": {name: _typed(value) for name, value in row.items()},
            }
        }
        for number, row in enumerate(found)
    ]


def _typed(value: str | int | bool) -> dict[str, str | bool]:  # noqa: FBT001 - a value of the table
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def listed(table: Table) -> list[PageLine]:
    """Return what all of Ada's pages list."""
    return [line for row in table.query(keys.user("ada"), "PAGE#", "PAGE$") for line in rows.lines(row)]


def test_a_consumed_record_is_listed_once(table: Table) -> None:
    """Told twice, each record stands on one page with its quantity."""
    consume(table, wish("a", quantity=2))
    consume(table, wish("b"))
    for _ in range(2):
        assert [] == list_consumed(told(table, "a", "b"), table)
    assert [("a", 2), ("b", 1)] == sorted((line.id, line.quantity) for line in listed(table))


@pytest.mark.parametrize("moment", Moment)
def test_a_crash_while_listing_changes_nothing(table: Table, moment: Moment) -> None:
    """Whoever died listing lists again, and the record stands there once."""
    consume(table, wish("a"))
    with pytest.raises(Crash):
        list_consumed(told(table, "a"), CrashingTable(table, Outside(0, moment)))
    list_consumed(told(table, "a"), table)
    assert ["a"] == [line.id for line in listed(table)]


def test_what_cannot_be_read_fails_alone(table: Table) -> None:
    """A record of the stream that is no record of usage comes again; its neighbour is listed."""
    consume(table, wish("a"))
    (good,) = told(table, "a")
    bad = {"dynamodb": {"SequenceNumber": "bad"}}
    assert ["bad"] == list_consumed([bad, good], table)
    assert ["a"] == [line.id for line in listed(table)]
