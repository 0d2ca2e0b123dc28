"""Counts in memory: summed while they are open, sealed under an id when they are to be sent (DESIGN rule 16).

A sum is open as long as its calls may still be added. Once sealed, its id and quantity never change: it is
sent until Tollkeeper has taken it, and counts once however often that is. Only what is about to be sent is
sealed, so while Tollkeeper is away sums grow and not their number. A sum never spans two hours of the clock.
"""

import json
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import compress

from tollkeeper.client.facts import MOST_QUANTITY, Fact, logger
from tollkeeper.client.forks import forget_in_children

HOUR = 3_600


@dataclass(frozen=True, slots=True)
class SealedSum:
    """A usage record as it is sent, in JSON: immutable, as is the sum it stands for."""

    id: str
    metric: str
    quantity: int
    at: float
    text: str


class Sums:
    """What was counted and is not yet with Tollkeeper. Safe to use from any thread, and after a fork.

    At most `most` sums wait; what would be one more is dropped, logged and told by `dropped`. From half of
    that on, data is no longer kept, so that counts have the room.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.time) -> None:
        self._most = most
        self._clock = clock
        self.forget()
        forget_in_children(self)

    def forget(self) -> None:
        """Begin with nothing, as another process."""
        self._lock = threading.Lock()
        self._process = uuid.uuid4().hex
        self._sequence = 0
        self._open: dict[tuple[str, str, str | None, int], list[float]] = {}
        self._sealed: deque[SealedSum] = deque()
        self._handed_out = 0
        self.dropped: Counter[str] = Counter()

    def next_id(self) -> str:
        """Return an id that no process has used."""
        with self._lock:
            return self._next_id()

    def add(self, fact: Fact, fact_id: str | None = None) -> int:
        """Count a fact: into a sum, or alone where it has data or an id of its own. Return how many wait."""
        now = self._clock()
        with self._lock:
            waiting = len(self._open) + len(self._sealed)
            keeps_data = fact.data is not None and 2 * waiting < self._most
            if fact_id is None and not keeps_data:
                if fact.data is not None:
                    logger.error("Counted without its data: too much waits", extra={"waiting": waiting})
                return self._sum(fact, now, waiting)
            if waiting >= self._most:
                return self._drop(fact, waiting)
            self._seal(fact, now, fact_id or self._next_id())
            return waiting + 1

    def seal(self, most: int) -> list[SealedSum]:
        """Return the next so many sums to send, sealed; the same again until they are settled."""
        with self._lock:
            if self._handed_out:
                return [self._sealed[number] for number in range(min(most, self._handed_out))]
            while self._open and len(self._sealed) < most:
                key = next(iter(self._open))  # the oldest
                quantity, at = self._open.pop(key)
                user, metric, facility, _ = key
                self._seal(Fact(user, metric, int(quantity), facility), at, self._next_id())
            self._handed_out = min(most, len(self._sealed))
            return [self._sealed[number] for number in range(self._handed_out)]

    def settle(self, ids: Collection[str]) -> None:
        """Forget sums that Tollkeeper has taken, or has refused for good."""
        with self._lock:
            left = [each.id not in ids for each in self._sealed]
            self._handed_out = sum(left[: self._handed_out])
            self._sealed = deque(compress(self._sealed, left))

    def waiting(self) -> tuple[int, int, Counter[str], float | None]:
        """Return how many sums are open and sealed, what waits of each metric, and since when the oldest."""
        with self._lock:
            quantities = Counter[str]()
            for (_, metric, _, _), (quantity, _) in self._open.items():
                quantities[metric] += int(quantity)
            for each in self._sealed:
                quantities[each.metric] += each.quantity
            times = [at for _, at in self._open.values()] + [each.at for each in self._sealed]
            return len(self._open), len(self._sealed), quantities, min(times, default=None)

    def _next_id(self) -> str:
        self._sequence += 1
        return f"{self._process}-{self._sequence}"

    def _sum(self, fact: Fact, now: float, waiting: int) -> int:
        key = (fact.user, fact.metric, fact.facility, int(now // HOUR))
        found = self._open.get(key)
        if found is None:
            if waiting >= self._most:
                return self._drop(fact, waiting)
            self._open[key] = [fact.quantity, now]
            return waiting + 1
        if found[0] + fact.quantity > MOST_QUANTITY:
            self._seal(Fact(fact.user, fact.metric, int(found[0]), fact.facility), found[1], self._next_id())
            self._open[key] = [fact.quantity, now]
            return waiting + 1
        found[0] += fact.quantity
        return waiting

    def _seal(self, fact: Fact, at: float, fact_id: str) -> None:
        record: dict[str, object] = {
            "id": fact_id,
            "userId": fact.user,
            "eventType": fact.metric,
            "quantity": fact.quantity,
            "timestamp": datetime.fromtimestamp(at, UTC).isoformat(),
        }
        if fact.facility is not None:
            record["facilityId"] = fact.facility
        if fact.data is not None:
            record["eventData"] = json.loads(fact.data)
        text = json.dumps(record, separators=(",", ":"))
        self._sealed.append(SealedSum(fact_id, fact.metric, fact.quantity, at, text))

    def _drop(self, fact: Fact, waiting: int) -> int:
        self.dropped[fact.metric] += fact.quantity
        logger.critical(
            "Usage is lost: too much waits for Tollkeeper",
            extra={"user": fact.user, "metric": fact.metric, "quantity": fact.quantity, "waiting": waiting},
        )
        return waiting
