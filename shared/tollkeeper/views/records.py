"""What is shown of the records behind a number."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tollkeeper.ledger.history import ListedRecord


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
