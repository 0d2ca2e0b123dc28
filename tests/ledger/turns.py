"""Workers that take turns: between any two calls to the table, whoever is wanted goes on."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue

from tollkeeper.ledger.table import Key, Row, Table, Write


class Turns:
    """Runs workers, each a call at a time, in the order of a schedule; what is left over goes in turns."""

    def __init__(self, table: Table, workers: Sequence[Callable[[Table], None]]) -> None:
        self._go = [threading.Semaphore(0) for _ in workers]
        self._stopped: list[SimpleQueue[bool]] = [SimpleQueue() for _ in workers]
        self._running = set(range(len(workers)))
        self._errors: list[BaseException] = []
        for number, work in enumerate(workers):
            arguments = (number, work, _TurnTable(table, self, number))
            threading.Thread(target=self._run, args=arguments, daemon=True).start()

    def take(self, schedule: Iterable[int]) -> None:
        """Let the workers go on in this order, then in turns until all are done; raise what one raised."""
        for number in sorted(self._running):
            self._wait_for(number)
        for number in schedule:
            self._step(number)
        while self._running:
            for number in sorted(self._running):
                self._step(number)
        if self._errors:
            raise self._errors[0]

    def wait(self, number: int) -> None:
        """Stop before a call, until it is this worker's turn."""
        self._stopped[number].put(item=True)
        self._go[number].acquire()

    def _step(self, number: int) -> None:
        if number in self._running:
            self._go[number].release()
            self._wait_for(number)

    def _wait_for(self, number: int) -> None:
        """Wait until a worker stops before its next call, so that its last one is made, or is done."""
        if not self._stopped[number].get(timeout=10):
            self._running.discard(number)

    def _run(self, number: int, work: Callable[[Table], None], table: Table) -> None:
        try:
            work(table)
        except BaseException as error:  # noqa: BLE001 - handed to whoever runs the workers
            self._errors.append(error)
        self._stopped[number].put(item=False)


class _TurnTable:
    """A table each call to which waits for its worker's turn."""

    def __init__(self, table: Table, turns: Turns, number: int) -> None:
        self._table = table
        self._turns = turns
        self._number = number

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Read neighbours."""
        self._turns.wait(self._number)
        return self._table.query(pk, first, last, most)

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Read rows by their keys."""
        self._turns.wait(self._number)
        return self._table.get_all(keys)

    def due(self, shard: str, until: str) -> list[Key]:
        """Read a shard of the index."""
        self._turns.wait(self._number)
        return self._table.due(shard, until)

    def transact(self, writes: Sequence[Write]) -> None:
        """Write."""
        self._turns.wait(self._number)
        self._table.transact(writes)
