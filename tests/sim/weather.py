"""What goes wrong outside: with the table, with Stripe, with the process itself."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from tests.fakes.table import MemoryTable
from tollkeeper.ledger.table import Key, Refused, Row, TransactionCancelledError, UnavailableError, Write


class Died(BaseException):
    """The process is gone, between two outside calls. Nothing may catch this."""


@dataclass(frozen=True, slots=True)
class Climate:
    """How often what goes wrong, as shares of the calls; a seed draws one."""

    dies: float = 0.0
    throttles: float = 0.0
    conflicts: float = 0.0
    table_timeouts: float = 0.0
    stripe_fails: float = 0.0
    deadly: float = 0.0


class Weather:
    """Strikes calls by chance, and all of them while something is away. Calm, it does nothing."""

    def __init__(self, chance: Random, climate: Climate, now: Callable[[], datetime]) -> None:
        self.is_calm = False
        self.is_deadly = False
        self.climate = climate
        self.marks: Counter[str] = Counter()
        self.away: dict[str, datetime] = {}
        self._chance = chance
        self._now = now

    def strikes(self, share: float) -> bool:
        """Whether something of which a share goes wrong goes wrong now."""
        return not self.is_calm and share > 0 and self._chance.random() < share

    def drawn[T](self, among: Sequence[T]) -> T:
        """Draw one."""
        return self._chance.choice(among)

    def is_away(self, what: str) -> bool:
        """Whether something is away for a day."""
        return not self.is_calm and what in self.away and self._now() < self.away[what]

    def may_die(self, where: str) -> None:
        """Let the process die here, sometimes."""
        if self.strikes(self.climate.dies):
            self.marks[f"deaths {where}"] += 1
            raise Died


class IndexedTable(MemoryTable):
    """The table in memory, which also knows what is due and what stands in a partition without looking."""

    def __init__(self) -> None:
        super().__init__()
        self.dues: dict[Key, str] = {}
        self._partitions: dict[str, set[Key]] = {}

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Return the rows of a partition between two sort keys, the highest first."""
        if first > last or most == 0:
            raise ValueError("DynamoDB refuses a range that ends before it begins, and a limit of 0")
        found = [key for key in self._partitions.get(pk, ()) if first <= key.sk <= last]
        return [dict(self.rows[key]) for key in sorted(found, reverse=True)[:most]]

    def due(self, shard: str, until: str) -> list[Key]:
        """Return the keys of a shard whose time has come."""
        found = [(at, key) for key, at in self.dues.items() if at <= until and self.rows[key]["due"] == shard]
        return [key for _, key in sorted(found)]

    def _write(self, write: Write) -> None:
        super()._write(write)
        row = self.rows[write.key]
        self._partitions.setdefault(write.key.pk, set()).add(write.key)
        if "due" in row and "dueAt" in row:
            self.dues[write.key] = str(row["dueAt"])
        else:
            self.dues.pop(write.key, None)


class StormyTable:
    """A table reached through the weather."""

    def __init__(self, table: MemoryTable, weather: Weather) -> None:
        self._table = table
        self._weather = weather

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
        weather.may_die("before the table")
        if weather.is_away("DynamoDB"):
            weather.marks["calls while DynamoDB is away"] += 1
            raise UnavailableError
        if weather.strikes(weather.climate.throttles):
            weather.marks["throttles"] += 1
            raise UnavailableError
