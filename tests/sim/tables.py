"""The table in memory: with its index and its stream, and as a function reaches it, through the weather."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from tests.fakes.stream import Record, is_delivered, let_through, record
from tests.fakes.table import MemoryTable
from tests.sim.weather import Died, Weather
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.table import (
    Key,
    Put,
    Refused,
    Row,
    TransactionCancelledError,
    UnavailableError,
    Write,
)


class IndexedTable(MemoryTable):
    """Knows what is due and what stands in a partition without looking, and keeps its stream."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.stream: list[Record] = []
        self._now = now
        self._number = 0
        self._streamed = tuple(let_through())
        self._dues: dict[str, dict[Key, str]] = {}
        self._shard_of: dict[Key, str] = {}
        self._partitions: dict[str, set[Key]] = {}

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Return the rows of a partition between two sort keys, the highest first."""
        if first > last or most == 0:
            raise ValueError("DynamoDB refuses a range that ends before it begins, and a limit of 0")
        found = [key for key in self._partitions.get(pk, ()) if first <= key.sk <= last]
        return [dict(self.rows[key]) for key in sorted(found, reverse=True)[:most]]

    def due(self, shard: str, until: str) -> list[Key]:
        """Return the keys of a shard whose time has come."""
        return [
            key
            for _, key in sorted((at, key) for key, at in self._dues.get(shard, {}).items() if at <= until)
        ]

    def first_due(self, kind: Due) -> datetime | None:
        """Return when the first thing of a kind is due."""
        found = [at for shard, dues in self._dues.items() if shard.startswith(kind) for at in dues.values()]
        return datetime.fromisoformat(min(found)) if found else None

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all writes, or none, and tell what they changed."""
        told = [write.key for write in writes if write.key.sk.startswith(self._streamed)]
        before = {key: dict(self.rows.get(key, {})) for key in told}
        super().transact(writes)
        for key, old in before.items():
            if old != self.rows[key]:
                self._number += 1
                change = record(key, old, self.rows[key], number=self._number, at=self._now())
                if is_delivered(change):
                    self.stream.append(change)

    def _write(self, write: Write) -> None:
        super()._write(write)
        row, key = self.rows[write.key], write.key
        self._partitions.setdefault(key.pk, set()).add(key)
        if key in self._shard_of:
            self._dues[self._shard_of.pop(key)].pop(key, None)
        if "due" in row and "dueAt" in row:
            shard = self._shard_of[key] = str(row["due"])
            self._dues.setdefault(shard, {})[key] = str(row["dueAt"])


class StormyTable:
    """A table reached through the weather; `spend` is told of the seconds that each call takes."""

    def __init__(self, table: MemoryTable, weather: Weather, spend: Callable[[float], None]) -> None:
        self._table = table
        self._weather = weather
        self._spend = spend

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Read neighbours."""
        self._before()
        return self._table.query(pk, first, last, most)

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Read rows by their keys."""
        self._before()
        return self._table.get_all(keys)

    def due(self, shard: str, until: str) -> list[Key]:
        """Read a shard of the index."""
        self._before()
        return self._table.due(shard, until)

    def transact(self, writes: Sequence[Write]) -> None:
        """Write; the answer may be lost, before or after."""
        weather = self._weather
        self._before()
        if weather.is_deadly and any(isinstance(each, Put) for each in writes):
            weather.marks["functions that a message stopped"] += 1
            raise Died
        if weather.strikes(weather.climate.conflicts):
            weather.marks["conflicts"] += 1
            raise TransactionCancelledError([Refused(), *[Refused(in_order=True)] * (len(writes) - 1)])
        if weather.strikes(weather.climate.table_timeouts / 2):
            weather.marks["table timeouts before"] += 1
            raise UnavailableError
        try:
            self._table.transact(writes)
        except TransactionCancelledError as cancelled:
            pairs = zip(writes, cancelled.refused, strict=True)
            weather.marks["stale revisions"] += any(
                write.key.sk == "PROFILE" and refused.by_condition for write, refused in pairs
            )
            raise
        weather.may_die("after a write")
        if weather.strikes(weather.climate.table_timeouts / 2):
            weather.marks["table timeouts after"] += 1
            raise UnavailableError

    def _before(self) -> None:
        weather = self._weather
        self._spend(0.01)
        weather.may_die("before the table")
        if weather.is_away("DynamoDB"):
            weather.marks["calls while DynamoDB is away"] += 1
            raise UnavailableError
        if weather.strikes(weather.climate.throttles):
            weather.marks["throttles"] += 1
            raise UnavailableError
