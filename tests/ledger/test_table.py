"""The table's vocabulary means the same in memory, in moto and in MiniStack."""

from datetime import UTC, datetime

import pytest

from tollkeeper.ledger.table import (
    MOST_WRITES,
    Change,
    Condition,
    Delete,
    Is,
    Key,
    Put,
    Row,
    Table,
    TransactionCancelledError,
    absent,
    equal,
)

KEY = Key("USER#ada", "PROFILE")
NOON = datetime(2025, 11, 3, 12, tzinfo=UTC)


def read(table: Table, key: Key = KEY) -> Row | None:
    """Return a row without its key."""
    found = next(table.get_all([key]), None)
    return None if found is None else {name: v for name, v in found.items() if name not in {"pk", "sk"}}


def test_put_writes_a_new_row(table: Table) -> None:
    """Text, numbers, truth and instants are kept; what is None is left out."""
    table.transact([Put(KEY, {"a": "x", "b": 3, "c": True, "d": NOON, "e": None})])
    assert {"a": "x", "b": 3, "c": True, "d": "2025-11-03T12:00:00Z"} == read(table)


def test_put_is_refused_where_a_row_is(table: Table) -> None:
    """A taken key refuses the whole transaction and shows the row that is there."""
    table.transact([Put(KEY, {"a": 1})])
    with pytest.raises(TransactionCancelledError) as caught:
        table.transact([Put(Key("USER#ada", "NEW"), {}), Put(KEY, {"a": 2})])
    first, second = caught.value.refused
    assert (True, False) == (first.in_order, first.by_condition)
    assert (False, True) == (second.in_order, second.by_condition)
    assert {"pk": "USER#ada", "sk": "PROFILE", "a": 1} == second.row
    assert caught.value.only_by_condition
    assert {"a": 1} == read(table)
    assert read(table, Key("USER#ada", "NEW")) is None


def test_change_begins_sets_adds_and_removes(table: Table) -> None:
    """One change begins what is absent, sets, adds to numbers, and removes."""
    table.transact([Change(KEY, begin={"a": 1}, set={"b": 1, "gone": "x"}, add={"n": 5})])
    table.transact([Change(KEY, begin={"a": 2}, set={"b": 2}, add={"n": -2}, remove=["gone", "never"])])
    assert {"a": 1, "b": 2, "n": 3} == read(table)


def test_change_takes_reserved_words(table: Table) -> None:
    """Names that DynamoDB reserves are names like any other."""
    names = ["timestamp", "value", "period", "data", "date", "users"]
    table.transact([Change(KEY, set=dict.fromkeys(names, 1), only_if=[absent("status")])])
    assert dict.fromkeys(names, 1) == read(table)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (absent("a"), False),
        (absent("z"), True),
        (equal("a", 5), True),
        (equal("a", 6), False),
        (equal("z", None), True),
        (equal("a", None), False),
        (equal("z", 5), False),
        (Condition("a", Is.AT_LEAST, 5), True),
        (Condition("a", Is.AT_LEAST, 6), False),
        (Condition("z", Is.AT_LEAST, 0), False),
        (Condition("z", Is.AT_LEAST, 0, or_absent=True), True),
        (Condition("a", Is.AT_LEAST, 6, or_absent=True), False),
        (Condition("a", Is.AT_MOST, 5), True),
        (Condition("a", Is.AT_MOST, 4), False),
        (equal("t", "x"), True),
        (equal("t", "y"), False),
    ],
)
def test_change_is_made_only_if_its_condition_holds(
    table: Table, condition: Condition, *, holds: bool
) -> None:
    """A condition on a missing attribute holds only if it asks for its absence."""
    table.transact([Put(KEY, {"a": 5, "t": "x"})])
    if holds:
        table.transact([Change(KEY, set={"b": 1}, only_if=[condition])])
    else:
        with pytest.raises(TransactionCancelledError):
            table.transact([Change(KEY, set={"b": 1}, only_if=[condition])])
    assert holds == ("b" in (read(table) or {}))


def test_query_returns_a_range_the_highest_first(table: Table) -> None:
    """Both ends of the range belong to it, other partitions do not."""
    for sk in ("A", "B", "C", "D"):
        table.transact([Put(Key("USER#ada", sk), {})])
    table.transact([Put(Key("USER#bob", "C"), {})])
    assert ["C", "B"] == [row["sk"] for row in table.query("USER#ada", "B", "C")]


@pytest.mark.parametrize(("most", "found"), [(1, ["D"]), (3, ["D", "C", "B"]), (9, ["D", "C", "B", "A"])])
def test_query_returns_the_highest_of_a_range(table: Table, most: int, found: list[str]) -> None:
    """As many rows come back as are asked for, from the highest down; fewer if there are fewer."""
    for sk in ("A", "B", "C", "D"):
        table.transact([Put(Key("USER#ada", sk), {})])
    assert found == [row["sk"] for row in table.query("USER#ada", "A", "D", most)]


def test_due_finds_what_is_due_and_nothing_else(table: Table) -> None:
    """A row stands in the index while it says when it is due, the longest due first."""
    table.transact([Put(Key("p", "late"), {"due": "CLOSE#1", "dueAt": "2025-11-03T12:00:00Z"})])
    table.transact([Put(Key("p", "early"), {"due": "CLOSE#1", "dueAt": "2025-11-01T12:00:00Z"})])
    table.transact([Put(Key("p", "future"), {"due": "CLOSE#1", "dueAt": "2025-12-01T12:00:00Z"})])
    table.transact([Put(Key("p", "other"), {"due": "CLOSE#2", "dueAt": "2025-11-01T12:00:00Z"})])
    table.transact([Put(Key("p", "done"), {"due": "CLOSE#1", "dueAt": "2025-11-02T12:00:00Z"})])
    table.transact([Change(Key("p", "done"), remove=["due", "dueAt"])])
    assert [Key("p", "early"), Key("p", "late")] == table.due("CLOSE#1", "2025-11-03T12:00:00Z")


def test_transaction_takes_a_hundred_writes(table: Table) -> None:
    """A hundred rows are written at once, and read in two requests if they are more."""
    keys = [Key("many", str(number)) for number in range(MOST_WRITES)]
    table.transact([Put(key, {}) for key in keys])
    assert set(keys) == {Key(str(row["pk"]), str(row["sk"])) for row in table.get_all([*keys, KEY])}


def test_delete_ends_a_row_on_its_condition(table: Table) -> None:
    """With others in one transaction; where nothing is, it does nothing."""
    table.transact([Put(KEY, {"a": 1})])
    other = Key("USER#ada", "OTHER")
    with pytest.raises(TransactionCancelledError):
        table.transact([Delete(KEY, only_if=[equal("a", 2)]), Put(other, {"b": 1})])
    assert ({"a": 1}, None) == (read(table), read(table, other))
    table.transact([Delete(KEY, only_if=[equal("a", 1)]), Put(other, {"b": 1})])
    assert (None, {"b": 1}) == (read(table), read(table, other))
    table.transact([Delete(KEY)])
