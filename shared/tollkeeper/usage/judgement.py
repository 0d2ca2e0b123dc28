"""The one judgement of usage records, for both doors: the API and the queue."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from tollkeeper.rules.times import iso
from tollkeeper.rules.usage import (
    FURTHEST_AHEAD,
    OLDEST,
    Refusal,
    UnknownMetricError,
    UsageRecord,
    is_timely,
    known_metric,
)
from tollkeeper.usage.records import CorrectionIn, UsageRecordIn

LONGEST_MESSAGE = 500
"""Characters of a refusal's sentence: it may repeat what was sent, and that may be long."""

_RECORD = TypeAdapter(UsageRecordIn)
_CORRECTION = TypeAdapter(CorrectionIn)


class RefusedError(Exception):
    """A record that can never be counted: the reason for programs, and a sentence for people."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(f"{refusal}: {message}")
        self.refusal = refusal
        self.message = message[:LONGEST_MESSAGE]


def judge(raw: object, accepted_at: datetime, metrics: Collection[str]) -> UsageRecord:
    """Return a record as it came in JSON, as a fact that can be counted.

    Raises:
        RefusedError: it is malformed, counts an unknown metric, or is too old or too far ahead.
    """
    try:
        record = _RECORD.validate_python(raw)
    except ValidationError as error:
        raise RefusedError(Refusal.INVALID, described(error)) from error
    _know(record.event_type, metrics)
    timestamp = record.timestamp or accepted_at
    if not is_timely(timestamp, accepted_at):
        raise RefusedError(
            Refusal.UNTIMELY,
            f"timestamp: must be between {iso(accepted_at - OLDEST)} and {iso(accepted_at + FURTHEST_AHEAD)}",
        )
    data = record.event_data
    return UsageRecord(
        id=record.id,
        user_id=record.user_id,
        metric=record.event_type,
        quantity=record.quantity,
        timestamp=timestamp,
        accepted_at=accepted_at,
        facility_id=record.facility_id,
        event_data=None if data is None else json.dumps(data, ensure_ascii=False, separators=(",", ":")),
    )


def judge_queued(raw: object, accepted_at: datetime, metrics: Collection[str]) -> UsageRecord:
    """Return a record of the queue, where corrections travel too, as a fact that can be counted.

    A correction is made when it is accepted.

    Raises:
        RefusedError: as of `judge`.
    """
    if not (isinstance(raw, dict) and "reason" in raw):
        return judge(raw, accepted_at, metrics)
    try:
        correction = _CORRECTION.validate_python(raw)
    except ValidationError as error:
        raise RefusedError(Refusal.INVALID, described(error)) from error
    _know(correction.event_type, metrics)
    return UsageRecord(
        id=correction.id,
        user_id=correction.user_id,
        metric=correction.event_type,
        quantity=correction.quantity,
        timestamp=accepted_at,
        accepted_at=accepted_at,
        reason=correction.reason,
        actor=correction.actor,
    )


def _know(metric: str, metrics: Collection[str]) -> None:
    try:
        known_metric(metric, metrics)
    except UnknownMetricError as error:
        raise RefusedError(Refusal.UNKNOWN_METRIC, str(error)) from error


def queued_json(record: UsageRecord) -> dict[str, object]:
    """Return a record as it travels on the queue."""
    shared = {
        "id": record.id,
        "userId": record.user_id,
        "eventType": record.metric,
        "quantity": record.quantity,
    }
    if record.reason is not None:
        return {**shared, "reason": record.reason, "actor": record.actor}
    optional = {
        "facilityId": record.facility_id,
        "eventData": None if record.event_data is None else json.loads(record.event_data),
    }
    present = {name: value for name, value in optional.items() if value is not None}
    return {**shared, "timestamp": iso(record.timestamp), **present}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one record of a body: None where it is good."""

    index: int
    id: str | None
    refused: RefusedError | None


def judge_all(raws: Sequence[object], accepted_at: datetime, metrics: Collection[str]) -> list[Verdict]:
    """Judge each record of one body by itself, and against the others that bear its id."""
    verdicts = []
    first: dict[tuple[str, str], UsageRecord] = {}
    for index, raw in enumerate(raws):
        record_id = raw.get("id") if isinstance(raw, dict) else None
        refused = None
        try:
            record = judge(raw, accepted_at, metrics)
            earlier = first.setdefault((record.user_id, record.id), record)
            if not record.states_the_same_as(earlier):
                refused = RefusedError(
                    Refusal.CONFLICT,
                    "id: another record of this body has it, with another eventType or quantity",
                )
        except RefusedError as error:
            refused = error
        verdicts.append(Verdict(index, record_id if isinstance(record_id, str) else None, refused))
    return verdicts


def described(error: ValidationError) -> str:
    """Return what is wrong with a record, each field once, in a sentence."""
    return "; ".join(f"{path(each['loc'])}: {each['msg']}" for each in error.errors(include_url=False))


def path(location: tuple[int | str, ...]) -> str:
    """Return where in a body something is, as `records.0.quantity`."""
    return ".".join(str(part) for part in location) or "body"
