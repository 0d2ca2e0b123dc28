"""The records behind a number."""

from datetime import datetime

from pydantic import JsonValue

from tollkeeper.api.bodies.model import Body


class UsageRecordOut(Body):
    """One record behind a number. After 400 days only id, metric, quantity and month of it are left.

    `late` says that its own period was closed when it came, so that it counts in a later one; `unbilled`
    that it could not be charged for any more; `dropped` that it is shown but counts in no period. `released`
    is how much of the quantity was taken back and does not count.
    """

    id: str
    event_type: str
    quantity: int
    billing_month: str
    timestamp: datetime | None = None
    facility_id: str | None = None
    event_data: dict[str, JsonValue] | None = None
    late: bool | None = None
    unbilled: bool | None = None
    dropped: bool | None = None
    released: int | None = None
    accepted_at: datetime | None = None
    reason: str | None = None
    actor: str | None = None


class UsageRecordsOut(Body):
    """Some of the records asked for, about a hundred, and where the next ones begin: null at the end.

    A call may bring fewer, or none, and still a cursor: an `eventType` is looked for among all records.
    """

    records: list[UsageRecordOut]
    cursor: str | None
