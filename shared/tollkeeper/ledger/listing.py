"""Where counted records are listed: in their period's row while there is room, or on pages and in their days.

At every instant a record is listed in one place. Where the row has no room left, whoever counts takes all of
its lines out, in the same transaction, and lists them with their own.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

from tollkeeper.ledger import keys, record_rows
from tollkeeper.ledger.lines import EMPTIED, LINES, Line, line_cells, listed_in, names
from tollkeeper.ledger.rows import USED
from tollkeeper.ledger.sizes import WRITE_UNIT, size
from tollkeeper.ledger.table import (
    MOST_WRITES,
    Cells,
    Change,
    Condition,
    Key,
    Put,
    Row,
    Value,
    Write,
    at_most,
    equal,
)
from tollkeeper.rules.times import iso

FEW = 10
"""The most records of one transaction that a row lists: more are as cheap on a page of their own."""


@dataclass(frozen=True, slots=True)
class Listing:
    """How a transaction lists its records: by what of the period's row's change, and `beside` it."""

    set: Cells = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    remove: Sequence[str] = ()
    only_if: Sequence[Condition] = ()
    beside: Sequence[Write] = ()

    def within(self, change: Change) -> Change:
        """Return the change of the period's row with what this listing adds to it."""
        return replace(
            change,
            set={**change.set, **self.set},
            add={**change.add, **self.add},
            remove=[*change.remove, *self.remove],
            only_if=[*change.only_if, *self.only_if],
        )


def apart(period: Key, new: Sequence[Line], now: datetime) -> Listing:
    """List records on pages of their own, and in their days."""
    beside: list[Write] = [*_pages(period, new, now), *_days(period, new)]
    return Listing(beside=beside)


def listing(period: Key, new: Sequence[Line], row: Row, change: Change, now: datetime) -> Listing:
    """List a few records in the row of their period, as it was read, or else on pages and in their days.

    `row` is empty if there is none yet; `change` is what else the transaction does to it. The row is kept
    within one write unit. Whoever puts lines asks that nobody has filled it since; whoever takes them out,
    that they are as they were read.
    """
    after = _after(row, change)
    kept = int(row.get(LINES, 0))
    put = line_cells(period, new)
    room = WRITE_UNIT - size({**after, **put, LINES: kept + len(put)})
    if room >= 0:
        others = room // max(size({name: text}) for name, text in put.items())
        return Listing(set=put, add={LINES: len(put)}, only_if=[at_most(LINES, kept + others)])
    old = names(row)
    emptied = {name: value for name, value in after.items() if name not in old}
    if not old or size({**emptied, **put, LINES: len(put), EMPTIED: 1}) > WRITE_UNIT:
        return apart(period, new, now)
    number = int(row.get(EMPTIED, 0)) + 1
    all_ = [*listed_in(row), *new]
    beside: list[Write] = [*_pages(period, all_, now, number), *_days(period, all_)]
    if len(new) + 1 + len(beside) > MOST_WRITES:
        return apart(period, new, now)
    return Listing(
        add={EMPTIED: 1},
        remove=[*old, LINES],
        only_if=[equal(LINES, kept), equal(EMPTIED, row.get(EMPTIED))],
        beside=beside,
    )


def _after(row: Row, change: Change) -> dict[str, Value]:
    """Return a row as a change leaves it, but for its conditions."""
    begun, put = (
        {
            name: iso(value) if isinstance(value, datetime) else value
            for name, value in cells.items()
            if value is not None
        }
        for cells in (change.begin, change.set)
    )
    after = {**change.key._asdict(), **begun, **row, **put}
    return after | {name: int(row.get(name, 0)) + number for name, number in change.add.items()}


def _pages(period: Key, all_: Sequence[Line], now: datetime, emptying: int | None = None) -> Iterator[Put]:
    """Return a page of each month; `emptying` is that of the row which some of it was listed in before."""
    by_month = defaultdict(list)
    for each in all_:
        on_page = each.on_page
        by_month[on_page.billing_month].append(on_page)
    for month, those in by_month.items():
        yield Put(keys.page(period, month, now, uuid4().hex), record_rows.page(those, emptying))


def _days(period: Key, all_: Sequence[Line]) -> Iterator[Change]:
    by_day: dict[Key, Counter[str]] = defaultdict(Counter)
    user_id = keys.read_user(period)
    for each in all_:
        by_day[keys.day(user_id, each.day, each.facility_id)][USED + each.metric] += each.quantity
    return (Change(key, add=sums) for key, sums in by_day.items())
