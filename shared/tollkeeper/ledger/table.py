"""The table as the ledger needs it: read neighbours in order, write several rows at once or none.

Rows are plain values here: text, whole numbers, truth, and on the way in also instants. What DynamoDB wants
written as expressions is said in words: `Put` a new row, `Change` one, on `Condition`s; `dynamo` turns them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

type Value = str | int | bool
type Row = dict[str, Value]
type Cells = Mapping[str, Value | datetime | None]
"""What a row is made of; what is None is left out."""

MOST_WRITES = 100
"""The most rows DynamoDB writes in one transaction."""


MOST_READS = 100
"""The most rows DynamoDB returns by their keys in one request."""


class Key(NamedTuple):
    """A primary key of the table."""

    pk: str
    sk: str


class Is(StrEnum):
    """What a condition may ask of a number or text, as DynamoDB writes it."""

    EQUAL = "="
    AT_LEAST = ">="
    AT_MOST = "<="


class Condition(NamedTuple):
    """What must hold of one attribute for a write to be made; `or_absent` lets it be absent as well."""

    name: str
    comparison: Is
    value: Value | datetime | None
    or_absent: bool = False


def absent(name: str) -> Condition:
    """Return the condition that a row lacks an attribute."""
    return Condition(name, Is.EQUAL, None)


def equal(name: str, value: Value | datetime | None) -> Condition:
    """Return the condition that an attribute has a value; that it is absent, if that is None."""
    return Condition(name, Is.EQUAL, value)


def at_most(name: str, value: int) -> Condition:
    """Return the condition that a counter is absent or not above a value."""
    return Condition(name, Is.AT_MOST, value, or_absent=True)


@dataclass(frozen=True, slots=True)
class Put:
    """The write of a new row; refused when its key is taken."""

    key: Key
    cells: Cells


@dataclass(frozen=True, slots=True)
class Change:
    """The change of a row, which it begins if there is none.

    `begin` sets what is not set yet, `set` sets, `add` adds whole numbers, `remove` removes. It is refused
    unless all conditions of `only_if` hold.
    """

    key: Key
    begin: Cells = field(default_factory=dict)
    set: Cells = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    remove: Sequence[str] = ()
    only_if: Sequence[Condition] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """The end of a row, whether there is one or not. Only who erases a user ends any: no function may."""

    key: Key
    only_if: Sequence[Condition] = ()


type Write = Put | Change | Delete


class Refused(NamedTuple):
    """What became of one write of a cancelled transaction.

    `by_condition` says that its condition failed, `row` what stood in its way. If it was neither that nor in
    order, somebody else was at the row, or it was throttled: another attempt may succeed.
    """

    by_condition: bool = False
    in_order: bool = False
    row: Row | None = None


class UnavailableError(Exception):
    """DynamoDB gave no answer, or one that may differ next time. A write may have been made or not."""


class TransactionCancelledError(Exception):
    """A transaction was refused as a whole; nothing was written. `refused` is in the order of the writes."""

    def __init__(self, refused: Sequence[Refused]) -> None:
        super().__init__(str(refused))
        self.refused = refused

    @property
    def only_by_condition(self) -> bool:
        """Whether conditions refused it, rather than a race or a throttle that may pass."""
        return all(each.by_condition or each.in_order for each in self.refused)


class Table(Protocol):
    """The ledger's one table. Each of its requests may raise `UnavailableError`."""

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Return the rows of a partition between two sort keys, both included, the highest first.

        At most `most` of them are returned, and read, if that is given. The read is strongly consistent.
        """

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Return those of the rows that exist, in any order, strongly consistent."""

    def due(self, shard: str, until: str) -> list[Key]:
        """Return the keys in a shard of the index whose time has come, the longest due first."""

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all writes, or none.

        Raises:
            TransactionCancelledError: a condition failed, or another writer was at one of the rows.
            UnavailableError: the outcome is unknown.
        """
