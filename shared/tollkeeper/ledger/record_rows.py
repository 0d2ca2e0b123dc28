"""Rows of usage records, and of the pages that list them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tollkeeper.ledger import keys
from tollkeeper.ledger.rows import text
from tollkeeper.ledger.table import Cells, Change, Key, Put, Row, Write, equal
from tollkeeper.rules.offers import LEAST_LIFETIME
from tollkeeper.rules.times import epoch, from_microseconds, microseconds
from tollkeeper.rules.usage import UsageRecord

METRIC, QUANTITY, STAMP, ACCEPTED, FACILITY, DATA, CONSUMED = "m", "q", "t", "a", "f", "d", "c"
"""What stands in most rows, for 400 days, and so has short names.

STAMP is microseconds since 1970, ACCEPTED how many later it was accepted, unless at once; CONSUMED is the
name of the period that a record was consumed in.
"""

EMPTYING = "emptying"

REFUSED = "refused"
"""What stands under a record's key that was not counted: consuming had to make sure that it never lands."""


@dataclass(frozen=True, slots=True)
class PageLine:
    """One record as it is listed."""

    id: str
    metric: str
    quantity: int
    billing_month: str


@dataclass(frozen=True, slots=True)
class CountedRecord:
    """A usage record, and how it was counted.

    `late` says that its own period was closed when it came, `unbilled` that it could not be charged for any
    more, `dropped` that it is shown but counts in no period. `released` is how much of it was taken back
    and does not count.
    """

    record: UsageRecord
    late: bool
    unbilled: bool
    dropped: bool
    released: int


def counted(  # noqa: PLR0913 - each is an attribute of the row
    of: UsageRecord,
    now: datetime,
    refused: str | None = None,
    *,
    lifetime: timedelta = LEAST_LIFETIME,
    consumed_in: str | None = None,
    due: Cells | None = None,
    late: bool = False,
    unbilled: bool = False,
    dropped: bool = False,
) -> Write:
    """Return the writing of a usage record that is counted now; refused if its id is counted already.

    It is kept, and its id remembered, for `lifetime` from its counting on.

    What was consumed names its period, into which it may be released. Where consuming had refused its id,
    the record replaces what was written by that: `refused` is what it was. `due` is what it has in the index,
    if it stands there for its day.
    """
    cells: Cells = {
        METRIC: of.metric,
        QUANTITY: of.quantity,
        STAMP: microseconds(of.timestamp),
        ACCEPTED: microseconds(of.accepted_at) - microseconds(of.timestamp) or None,
        FACILITY: of.facility_id,
        DATA: of.event_data,
        "reason": of.reason,
        "actor": of.actor,
        CONSUMED: consumed_in,
        "late": late or None,
        "unbilled": unbilled or None,
        "dropped": dropped or None,
        "expiresAt": epoch(now + lifetime),
        **(due or {}),
    }
    key = keys.record(of.user_id, of.id)
    if refused is None:
        return Put(key, cells)
    return Change(key, set=cells, remove=[REFUSED], only_if=[equal(REFUSED, refused)])


def record(row: Row) -> UsageRecord:
    """Read a usage record's row: its key says whose it is, and its id."""
    user_id, record_id = keys.read_record(Key(str(row["pk"]), str(row["sk"])))
    stamp = int(row[STAMP])
    return UsageRecord(
        id=record_id,
        user_id=user_id,
        metric=str(row[METRIC]),
        quantity=int(row[QUANTITY]),
        timestamp=from_microseconds(stamp),
        accepted_at=from_microseconds(stamp + int(row.get(ACCEPTED, 0))),
        facility_id=text(row, FACILITY),
        event_data=text(row, DATA),
        reason=text(row, "reason"),
        actor=text(row, "actor"),
    )


def counted_record(row: Row) -> CountedRecord:
    """Read a usage record's row with how it was counted."""
    return CountedRecord(
        record(row),
        late="late" in row,
        unbilled="unbilled" in row,
        dropped="dropped" in row,
        released=int(row.get("released", 0)),
    )


def page(lines: Iterable[PageLine], emptying: int | None = None) -> Cells:
    """Return the list of some records of a month: ids and quantities by metric.

    `emptying` says which emptying of the period's row has brought some of them here.
    """
    listed: dict[str, dict[str, int]] = {}
    for line in lines:
        listed.setdefault(line.metric, {})[line.id] = line.quantity
    return {
        "records": json.dumps(listed, separators=(",", ":"), ensure_ascii=False),
        EMPTYING: emptying,
    }


def lines(row: Row) -> Iterator[PageLine]:
    """Read what a page lists."""
    _, billing_month = keys.read_page(Key(str(row["pk"]), str(row["sk"])))
    listed: dict[str, dict[str, int]] = json.loads(str(row["records"]))
    return (
        PageLine(record_id, metric, quantity, billing_month)
        for metric, those in listed.items()
        for record_id, quantity in those.items()
    )
