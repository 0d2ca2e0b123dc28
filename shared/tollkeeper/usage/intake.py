"""How reported usage comes to the queue: good records are taken, even beside bad ones (DESIGN rule 2)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from tollkeeper.rules.usage import MOST_RECORDS, known_metric
from tollkeeper.usage.errors import NotQueuedError, TooManyRecordsError
from tollkeeper.usage.judgement import Verdict, judge_all
from tollkeeper.usage.records import CorrectionIn

UNAVAILABLE = "unavailable"
"""The reason of a record that is good and that the queue did not take."""


class RecordQueue(Protocol):
    """Where records wait to be counted."""

    def send(self, records: Sequence[Mapping[str, object]], accepted_at: datetime) -> list[int]:
        """Queue records, and return the indexes of those that could not be."""


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that was not taken: where it stood, why, and whether to send it again as it is."""

    index: int
    id: str | None
    error: str
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """How many records were taken, each of which will be counted once, and which were not."""

    accepted: int
    rejected: Sequence[RejectedRecord] = ()


class Intake:
    """Takes usage in. `metrics` are those of the catalogue."""

    def __init__(self, queue: RecordQueue, metrics: Collection[str]) -> None:
        self._queue = queue
        self._metrics = metrics

    def accept(self, records: Sequence[object], now: datetime) -> Accepted:
        """Judge records as they came in JSON, each by itself, and queue the good ones as they came.

        Raises:
            TooManyRecordsError: they are more than a thousand.
        """
        if len(records) > MOST_RECORDS:
            raise TooManyRecordsError(
                f"{len(records)} records are too many; send at most {MOST_RECORDS} at once."
            )
        verdicts = judge_all(records, now, self._metrics)
        good = [verdict for verdict in verdicts if verdict.refused is None]
        # What was found good is an object.
        sent = [cast("Mapping[str, object]", records[verdict.index]) for verdict in good]
        unsent = [good[number] for number in self._queue.send(sent, now)]
        rejected = [*filter(None, map(_refused, verdicts)), *map(_unsent, unsent)]
        return Accepted(len(records) - len(rejected), sorted(rejected, key=lambda each: each.index))

    def correct(self, correction: CorrectionIn, now: datetime) -> Accepted:
        """Queue a correction. One that would take more than was counted becomes a dead letter.

        Raises:
            UnknownMetricError: the catalogue has no such metric.
            NotQueuedError: the queue did not take it.
        """
        known_metric(correction.event_type, self._metrics)
        if self._queue.send([correction.model_dump(by_alias=True)], now):
            raise NotQueuedError
        return Accepted(1)


def _refused(verdict: Verdict) -> RejectedRecord | None:
    if verdict.refused is None:
        return None
    refused = verdict.refused
    return RejectedRecord(verdict.index, verdict.id, refused.refusal, refused.message, retryable=False)


def _unsent(verdict: Verdict) -> RejectedRecord:
    message = "The queue did not take it. Send it again as it is."
    return RejectedRecord(verdict.index, verdict.id, UNAVAILABLE, message, retryable=True)
