"""A table as a busy day has it: every call takes its time, and some are throttled, lost or unanswered."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock

from tests.fakes.table import MemoryTable
from tollkeeper.ledger.table import (
    Key,
    Refused,
    Row,
    TransactionCancelledError,
    UnavailableError,
    Write,
)

FAULTS = ("throttle", "conflict", "timeout before", "timeout after")


class BusyTable(MemoryTable):
    """Disturbs a share of its calls. One lock makes it safe for threads, as DynamoDB is.

    `seconds` is what has passed on its own clock, of which each call takes `latency`. `refuses` says of a
    read's keys that they are throttled for as long as it says so; while `is_down` nothing gets an answer.
    """

    def __init__(self, share: float = 0, seed: int = 0, latency: float = 0) -> None:
        super().__init__()
        self.seconds = 0.0
        self.faults: Counter[str] = Counter()
        self.refuses: Callable[[Iterable[Key]], bool] = lambda _: False
        self.is_down = False
        self._share = share
        self._latency = latency
        self._random = random.Random(seed)  # noqa: S311 - repeatable chance
        self._lock = Lock()

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Read neighbours."""
        with self._lock:
            self._take_time()
            return super().query(pk, first, last, most)

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Read rows by their keys."""
        keys = list(keys)
        with self._lock:
            self._take_time()
            if self.refuses(keys) or self._fault() is not None:
                raise UnavailableError
            return super().get_all(keys)

    def transact(self, writes: Sequence[Write]) -> None:
        """Write."""
        with self._lock:
            self._take_time()
            match self._fault():
                case "throttle" | "timeout before":
                    raise UnavailableError
                case "conflict":
                    raise TransactionCancelledError(
                        [Refused(), *[Refused(in_order=True)] * (len(writes) - 1)]
                    )
                case "timeout after":
                    super().transact(writes)
                    raise UnavailableError
            super().transact(writes)

    def _take_time(self) -> None:
        self.seconds += self._latency
        if self.is_down:
            raise UnavailableError

    def _fault(self) -> str | None:
        if self._random.random() >= self._share:
            return None
        fault = self._random.choice(FAULTS)
        self.faults[fault] += 1
        return fault
