"""Counts capacity units from the requests themselves, by DynamoDB's published rules.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html: an item's size is that
of its names and values; a write unit is 1 KB and twice that in a transaction, the larger of the item before
and after; a strongly consistent read unit is 4 KB. An index entry that is written or removed costs a write of
its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import ceil

from tests.fakes.table import MemoryTable
from tollkeeper.ledger.table import Key, Row, Value, Write

INDEXED = ("pk", "sk", "due", "dueAt")


class MeteredTable(MemoryTable):
    """A table in memory that counts what DynamoDB would charge for; `index_units` are some of the writes."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0
        self.write_units = 0.0
        self.index_units = 0.0
        self.read_units = 0.0

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Read neighbours: their sizes are added up, then rounded."""
        self.requests += 1
        found = super().query(pk, first, last, most)
        self.read_units += _read_units(sum(map(size, found)))
        return found

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Read rows by their keys: each is rounded by itself, also one that is not there."""
        keys = list(keys)
        self.requests += ceil(len(keys) / 100)
        found = list(super().get_all(keys))
        self.read_units += sum(_read_units(size(row)) for row in found) + len(keys) - len(found)
        return iter(found)

    def due(self, shard: str, until: str) -> list[Key]:
        """Read the index, which is eventually consistent: half a unit."""
        self.requests += 1
        found = super().due(shard, until)
        self.read_units += _read_units(sum(size({"pk": key.pk, "sk": key.sk}) for key in found)) / 2
        return found

    def transact(self, writes: Sequence[Write]) -> None:
        """Write in a transaction: twice the units."""
        self.requests += 1
        before = {write.key: dict(self.rows.get(write.key, {})) for write in writes}
        super().transact(writes)
        for key, row in before.items():
            self.write_units += 2 * write_units(max(size(row), size(self.rows[key])))
            self.index_units += _index_units(row, self.rows[key])
            self.write_units += _index_units(row, self.rows[key])


def size(row: Row) -> int:
    """Return the bytes of a row, as DynamoDB counts them."""
    return sum(len(name.encode()) + _value_size(value) for name, value in row.items())


def stored(row: Row) -> int:
    """Return the bytes of a row that storage is paid for: DynamoDB adds a hundred to each."""
    return size(row) + 100


def _value_size(value: Value) -> int:
    if isinstance(value, bool):
        return 1
    if isinstance(value, int):
        return ceil(len(str(abs(value)).rstrip("0") or "0") / 2) + 1 + (value < 0)
    return len(value.encode())


def write_units(bytes_: int) -> int:
    """Return the write units of so many bytes, outside a transaction."""
    return max(1, ceil(bytes_ / 1024))


def _read_units(bytes_: int) -> int:
    return max(1, ceil(bytes_ / 4096))


def _index_units(before: Row, after: Row) -> int:
    entries = [{name: row[name] for name in INDEXED if name in row} for row in (before, after)]
    written = [entry for entry in entries if "due" in entry and "dueAt" in entry]
    return 0 if entries[0] == entries[1] else len(written)
