"""What a usage record is, and when one may be accepted (DESIGN rules 1, 2 and 4)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tollkeeper.rules.fields import InvalidFieldError, quoted

MAX_ID_LENGTH = 128
LONGEST_USER_ID = 256
MAX_QUANTITY = 1_000_000_000
MAX_EVENT_DATA_BYTES = 4096
MAX_EVENT_DATA_DEPTH = 32
MAX_BODY_BYTES = 1_048_576
MOST_RECORDS = 1_000
OLDEST = timedelta(days=35)
FURTHEST_AHEAD = timedelta(minutes=5)
FURTHEST_BEHIND = timedelta(days=60)


class Refusal(StrEnum):
    """Why a record is not counted."""

    INVALID = "invalid_record"
    UNKNOWN_METRIC = "unknown_metric"
    UNTIMELY = "timestamp_out_of_range"
    CONFLICT = "id_conflict"
    BELOW_ZERO = "below_zero"


class UnknownMetricError(InvalidFieldError):
    """The catalogue has no such metric; the message names those that it has."""

    def __init__(self, metric: str, metrics: Collection[str]) -> None:
        message = f"there is no metric {quoted(metric)}. The metrics are {', '.join(metrics)}."
        super().__init__("eventType", message)


def known_metric(metric: str, metrics: Collection[str]) -> str:
    """Return a metric, if the catalogue has it.

    Raises:
        UnknownMetricError: it has not.
    """
    if metric not in metrics:
        raise UnknownMetricError(metric, metrics)
    return metric


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """One fact, immutable: a user did something, so often, at that time.

    `quantity` is a whole number, negative only in a correction. `event_data` is compact JSON text.
    `accepted_at` is when Tollkeeper (or its queue) took the record; its age is judged against that, once.
    A correction says its `reason` and `actor`.
    """

    id: str
    user_id: str
    metric: str
    quantity: int
    timestamp: datetime
    accepted_at: datetime
    facility_id: str | None = None
    event_data: str | None = None
    reason: str | None = None
    actor: str | None = None

    @property
    def billing_month(self) -> str:
        """The UTC calendar month of the record's own timestamp, as `2025-10`."""
        return billing_month(self.timestamp)

    def states_the_same_as(self, other: "UsageRecord") -> bool:
        """Whether both, bearing one id, are the same fact; if not, they are an `id_conflict`."""
        return (self.metric, self.quantity) == (other.metric, other.quantity)


def billing_month(instant: datetime) -> str:
    """Return the UTC calendar month that an instant lies in, as `2025-10`."""
    return instant.astimezone(UTC).strftime("%Y-%m")


def acceptance(said: datetime | None, sent_at: datetime) -> datetime:
    """Return when a message's records were accepted: as it says, but not after it was sent, nor long before.

    Whoever may send to the queue can say anything. What it says is taken up to the time at which SQS took
    the message, and sixty days before: as long as a dead letter may lie and be sent again.
    """
    return sent_at if said is None else min(sent_at, max(said, sent_at - FURTHEST_BEHIND))


def is_timely(timestamp: datetime, accepted_at: datetime) -> bool:
    """A record is taken when it is at most 35 days old and at most 5 minutes ahead at its acceptance."""
    return accepted_at - OLDEST <= timestamp <= accepted_at + FURTHEST_AHEAD


def is_within_depth(data: object, most: int = MAX_EVENT_DATA_DEPTH) -> bool:
    """Whether JSON holds at most so many objects and lists inside one another.

    What readers of JSON take differs by hundreds of levels: what one lets in, the next could not show.
    """
    if isinstance(data, dict):
        data = list(data.values())
    return not isinstance(data, list) or (most > 0 and all(is_within_depth(each, most - 1) for each in data))


def merge(records: Sequence[UsageRecord]) -> tuple[list[UsageRecord], list[UsageRecord]]:
    """Return one user's records, each id once, and those that contradict an earlier one of the same id."""
    first: dict[str, UsageRecord] = {}
    for record in records:
        first.setdefault(record.id, record)
    conflicts = [record for record in records if not record.states_the_same_as(first[record.id])]
    return list(first.values()), conflicts
