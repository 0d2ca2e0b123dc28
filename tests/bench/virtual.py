"""A virtual clock for workers side by side, and what DynamoDB does to them.

Nobody has measured this in an account: latencies, throttles, conflicts and the share of a processor are
*assumed*. A transaction takes 12 ms and 0.35 ms an item (60 ms at the 99th percentile), reads 5 and 6 ms; a
new table takes 4,000 write units a second; two transactions at one item within 5 ms conflict, and both pay;
1,024 MB are 0.58 of a processor.
"""

import heapq
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

PROCESSOR = 0.58
WRITE_UNITS_A_SECOND = 4_000.0
CONFLICT_SECONDS = 0.005
P99 = 2.326
"""Standard deviations to the 99th percentile, of the logarithm of a latency."""


class Lanes:
    """Workers side by side, each a thread of which one runs at a time: whoever is earliest goes on.

    What a worker waits for, only it waits for. The processor's time, measured, is taken from all of them
    where they share one; what measuring it takes, and what is done `aside`, is not.
    """

    def __init__(self, workers: int, *, share: float | None = None) -> None:
        self._workers = workers
        self._share = share
        self._now = 0.0
        self._processor = 0.0
        self._reading = _seconds_of_a_reading()
        self._measured = time.thread_time()
        self._waiting: list[tuple[float, int]] = []
        self._go: list[threading.Semaphore] = []
        self._scheduler = threading.Semaphore(0)
        self._lane = threading.local()

    def now(self) -> float:
        """Return the virtual seconds at which the worker at work is."""
        self._take_processor()
        return self._now

    def wait(self, seconds: float) -> None:
        """Let the worker at work wait, and others go on meanwhile."""
        self._take_processor()
        lane = getattr(self._lane, "number", None)
        if lane is None:
            self._now += seconds
            return
        heapq.heappush(self._waiting, (self._now + seconds, lane))
        self._scheduler.release()
        self._go[lane].acquire()
        self._measured = time.thread_time()

    def wait_until(self, instant: float) -> None:
        """Let the worker at work wait until an instant, if that is yet to come."""
        self.wait(max(0.0, instant - self.now()))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take no processor's time for what the bench itself does."""
        self._take_processor()
        yield
        self._measured = time.thread_time()

    def side_by_side[T, R](self, work: Callable[[T], R], things: Sequence[T]) -> list[R]:
        """Do the same for each thing, as `map` does; what comes after is later than the last of it."""
        self._take_processor()
        left = iter(enumerate(things))
        results: dict[int, R] = {}

        def lane(number: int) -> None:
            self._lane.number = number
            self._go[number].acquire()
            self._measured = time.thread_time()
            for index, thing in left:
                results[index] = work(thing)
            self._take_processor()
            self._scheduler.release()

        self._go = [threading.Semaphore(0) for _ in range(self._workers)]
        self._waiting = [(self._now, number) for number in range(self._workers)]
        threads = [
            threading.Thread(target=lane, args=(number,), daemon=True) for number in range(self._workers)
        ]
        for thread in threads:
            thread.start()
        last = self._now
        while self._waiting:
            self._now, number = heapq.heappop(self._waiting)
            self._go[number].release()
            if not self._scheduler.acquire(timeout=60):
                raise RuntimeError("a worker neither waits nor ends")
            last = max(last, self._now)
        self._now = last
        self._measured = time.thread_time()
        return [results[index] for index in range(len(things))]

    def _take_processor(self) -> None:
        """Add the processor's time since it was added last."""
        if self._share is None:
            return
        measured = time.thread_time()
        used, self._measured = max(0.0, measured - self._measured - self._reading), measured
        self._now = max(self._now, self._processor) + used / self._share
        self._processor = self._now


def _seconds_of_a_reading() -> float:
    """Return what reading a thread's time costs: nothing on most machines, 0.1 ms on some virtual ones."""
    readings = 200
    begun = time.thread_time()
    for _ in range(readings):
        time.thread_time()
    return (time.thread_time() - begun) / (readings + 1)


@dataclass
class Throughput:
    """The write units that a table gives, as they come in; a second's worth may be saved up."""

    rate: float = WRITE_UNITS_A_SECOND
    left: float = WRITE_UNITS_A_SECOND
    at: float = 0.0

    def take(self, units: float, now: float) -> bool:
        """Whether so many are there at a time; if so, they are taken."""
        if now > self.at:
            self.left = min(self.rate, self.left + (now - self.at) * self.rate)
            self.at = now
        if self.left < units:
            return False
        self.left -= units
        return True


@dataclass
class Conflicts:
    """When each item was last written to in a transaction."""

    last: dict[object, float] = field(default_factory=dict)

    def meet(self, items: Sequence[object], now: float) -> bool:
        """Whether a transaction meets another at one of its items; it is noted either way."""
        met = any(now - self.last.get(item, -1.0) < CONFLICT_SECONDS for item in items)
        self.last |= dict.fromkeys(items, now)
        return met


def latency(chance: random.Random, middle: float, late: float) -> float:
    """Return seconds, drawn so that half are above the middle (ms), and one in a hundred above the other."""
    return middle / 1000 * math.exp(chance.gauss(0, math.log(late / middle) / P99))
