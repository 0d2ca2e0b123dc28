"""Being overtaken: right before somebody writes what they have worked out, somebody else writes first."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from tollkeeper.ledger.table import Key, Row, Table, Write


class OvertakenTable:
    """A table to which something `happens`, once, before the first write that goes through it."""

    def __init__(self, table: Table, happens: Callable[[], None]) -> None:
        self._table = table
        self._happens: Callable[[], None] | None = happens

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Read neighbours."""
        return self._table.query(pk, first, last, most)

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Read rows by their keys."""
        return self._table.get_all(keys)

    def due(self, shard: str, until: str) -> list[Key]:
        """Read a shard of the index."""
        return self._table.due(shard, until)

    def transact(self, writes: Sequence[Write]) -> None:
        """Write, after what happens."""
        self.let_happen()
        self._table.transact(writes)

    def let_happen(self) -> None:
        """Let it happen now, unless it has happened."""
        happens, self._happens = self._happens, None
        if happens:
            happens()
