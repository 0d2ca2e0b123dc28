"""What is shown of the records behind a number."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tollkeeper.ledger.history import ListedRecord
from tollkeeper.rules.series import Span


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record; when it has expired, after 400 days, what its page still says of it, and None for the rest.

    `late`, `unbilled` and `dropped` say how it was counted, `released` how much of it was taken back.
    """

    id: str
    event_type: str
    quantity: int
    billing_month: str
    timestamp: datetime | None = None
    facility_id: str | None = None
    event_data: Mapping[str, object] | None = None
    late: bool | None = None
    unbilled: bool | None = None
    dropped: bool | None = None
    released: int | None = None
    accepted_at: datetime | None = None
    reason: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class RecordsView:
    """Some records, and the cursor with which the next of them come; None at the end."""

    records: Sequence[RecordView]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class RecordQuestion:
    """Which records are asked for: those counted in a period, or those stamped on the days of a span.

    `period` is its start, and None means the present one. `facility_id` goes with days alone; empty, it asks
    for what names no facility.
    """

    metric: str | None = None
    period: datetime | None = None
    span: Span | None = None
    facility_id: str | None = None


type ReadRecords = Callable[[str | None], RecordsView]
"""What gives a part of a list of records, from a cursor on or from its beginning."""

ENOUGH = 100
"""Records on a page."""

MOST_PARTS_READ = 50
"""Parts that are read for one page of a list of which most is not asked for."""


def enough(read: ReadRecords, cursor: str | None) -> RecordsView:
    """Return a hundred records of a list and the rest of a part, if there are so many and not far apart."""
    records: list[RecordView] = []
    for _ in range(MOST_PARTS_READ):
        part = read(cursor)
        records += part.records
        cursor = part.cursor
        if cursor is None or len(records) >= ENOUGH:
            break
    return RecordsView(records, cursor)


def shown(listed: ListedRecord) -> RecordView:
    """Return what is shown of a record."""
    line, counted = listed.line, listed.counted
    if counted is None:
        return RecordView(line.id, line.metric, line.quantity, line.billing_month)
    record = counted.record
    return RecordView(
        id=record.id,
        event_type=record.metric,
        quantity=record.quantity,
        billing_month=record.billing_month,
        timestamp=record.timestamp,
        facility_id=record.facility_id,
        event_data=None if record.event_data is None else json.loads(record.event_data),
        late=counted.late,
        unbilled=counted.unbilled,
        dropped=counted.dropped,
        released=counted.released,
        accepted_at=record.accepted_at,
        reason=record.reason,
        actor=record.actor,
    )
