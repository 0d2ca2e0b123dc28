"""The table in memory: the same vocabulary, one dictionary, every transaction at one instant."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from tollkeeper.ledger.table import (
    MOST_WRITES,
    Cells,
    Condition,
    Delete,
    Is,
    Key,
    Put,
    Refused,
    Row,
    TransactionCancelledError,
    Value,
    Write,
)
from tollkeeper.rules.times import iso


class MemoryTable:
    """Keeps rows by their key, and holds what DynamoDB holds: order, atomicity, conditions, limits."""

    def __init__(self) -> None:
        self.rows: dict[Key, Row] = {}

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Return the rows of a partition between two sort keys, the highest first."""
        if first > last or most == 0:
            raise ValueError("DynamoDB refuses a range that ends before it begins, and a limit of 0")
        found = [key for key in self.rows if key.pk == pk and first <= key.sk <= last]
        return [dict(self.rows[key]) for key in sorted(found, reverse=True)[:most]]

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Return those of the rows that exist."""
        return iter([dict(self.rows[key]) for key in keys if key in self.rows])

    def due(self, shard: str, until: str) -> list[Key]:
        """Return the keys of a shard whose time has come."""
        found = [
            (str(row["dueAt"]), key)
            for key, row in self.rows.items()
            if row.get("due") == shard and "dueAt" in row and str(row["dueAt"]) <= until
        ]
        return [key for _, key in sorted(found)]

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all writes, or none."""
        if not 1 <= len(writes) <= MOST_WRITES:
            raise ValueError(f"a transaction takes 1 to {MOST_WRITES} writes, not {len(writes)}")
        if len({write.key for write in writes}) < len(writes):
            raise ValueError("a transaction takes each row once")
        refused = [self._judged(write) for write in writes]
        if any(each.by_condition for each in refused):
            raise TransactionCancelledError(refused)
        for write in writes:
            self._write(write)

    def _judged(self, write: Write) -> Refused:
        row = self.rows.get(write.key)
        if isinstance(write, Put):
            holds = row is None
        else:
            holds = all(_holds(each, (row or {}).get(each.name)) for each in write.only_if)
        return Refused(in_order=True) if holds else Refused(by_condition=True, row=dict(row) if row else None)

    def _write(self, write: Write) -> None:
        if isinstance(write, Delete):
            self.rows.pop(write.key, None)
            return
        row = self.rows.setdefault(write.key, {"pk": write.key.pk, "sk": write.key.sk})
        if isinstance(write, Put):
            row.update(_plain(write.cells))
            return
        touched = [*_plain(write.begin), *_plain(write.set), *write.add, *write.remove]
        if len(set(touched)) < len(touched):
            raise ValueError(f"an update names each attribute once: {sorted(touched)}")
        row.update({name: value for name, value in _plain(write.begin).items() if name not in row})
        row.update(_plain(write.set))
        for name, number in write.add.items():
            row[name] = int(row.get(name, 0)) + number
        for name in write.remove:
            row.pop(name, None)


def _plain(cells: Cells) -> Row:
    return {name: _value(value) for name, value in cells.items() if value is not None}


def _value(value: Value | datetime) -> Value:
    return iso(value) if isinstance(value, datetime) else value


def _holds(condition: Condition, actual: Value | None) -> bool:
    if condition.value is None or actual is None:
        return actual is None and (condition.value is None or condition.or_absent)
    expected = _value(condition.value)
    if isinstance(expected, int) and isinstance(actual, int):
        difference = actual - expected
    elif isinstance(expected, str) and isinstance(actual, str):
        difference = (actual > expected) - (actual < expected)
    else:
        return False
    match condition.comparison:
        case Is.EQUAL:
            return difference == 0
        case Is.AT_LEAST:
            return difference >= 0
        case Is.AT_MOST:
            return difference <= 0
