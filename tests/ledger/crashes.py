"""Dying around any outside call: before it is made, or after it took effect and before its answer."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum

from tollkeeper.ledger.table import Key, Put, Row, Table, Write
from tollkeeper.usage.messages import DeadLetter


class Moment(StrEnum):
    """When, around a call, the process dies."""

    BEFORE = "before"
    AFTER = "after"


class Crash(BaseException):
    """The process is gone. Nothing may catch this."""


class Outside:
    """Counts the calls that a run makes to the world, and ends it at one of them."""

    def __init__(self, crash_at: int | None = None, moment: Moment = Moment.BEFORE) -> None:
        self.calls: list[str] = []
        self._crash_at = crash_at
        self._moment = moment

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Make a call inside this, unless the process dies on the way in or out."""
        here = len(self.calls) == self._crash_at
        self.calls.append(name)
        if here and self._moment is Moment.BEFORE:
            raise Crash
        try:
            yield
        finally:
            if here:
                raise Crash


class CrashingTable:
    """A table that can only be reached through the outside."""

    def __init__(self, table: Table, outside: Outside) -> None:
        self._table = table
        self._outside = outside

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Read neighbours."""
        with self._outside.call(f"query {first.partition('#')[0]}…{last}"):
            return self._table.query(pk, first, last, most)

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Read rows by their keys."""
        with self._outside.call("get_all"):
            return iter(list(self._table.get_all(keys)))

    def due(self, shard: str, until: str) -> list[Key]:
        """Read a shard of the index."""
        with self._outside.call(f"due {shard}"):
            return self._table.due(shard, until)

    def transact(self, writes: Sequence[Write]) -> None:
        """Write."""
        puts = sum(isinstance(write, Put) for write in writes)
        with self._outside.call(f"transact {puts} puts, {len(writes) - puts} changes"):
            self._table.transact(writes)


class CrashingDeadLetters:
    """A dead-letter queue that can only be reached through the outside, and a list of what it got."""

    def __init__(self, kept: list[DeadLetter], outside: Outside) -> None:
        self._kept = kept
        self._outside = outside

    def send(self, letters: Sequence[DeadLetter]) -> list[int]:
        """Keep letters."""
        if letters:
            with self._outside.call(f"dead letters {len(letters)}"):
                self._kept.extend(letters)
        return []


class Beyond:
    """Whatever it stands for, each of its methods can only be called through the outside, by its name."""

    def __init__(self, inner: object, outside: Outside) -> None:
        self._inner = inner
        self._outside = outside

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._inner, name)

        def call(*args: object) -> object:
            with self._outside.call(f"{name} {' '.join(map(str, args))}"):
                result: object = method(*args)
                return result

        return call


class Through:
    """Stripe, each call of which is made inside of something: `call` is named after it and its first word."""

    def __init__(self, inner: object, call: Callable[[str], AbstractContextManager[None]]) -> None:
        self._inner = inner
        self._call = call

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._inner, name)

        def call(*args: object) -> object:
            with self._call(f"{name} {args[0]}"):
                result: object = method(*args)
                return result

        return call
