"""The tracker: what becomes of each message of the usage queue (DESIGN rules 1, 2 and §8).

A message is done when its records are counted or dead letters. Others' trouble, want of time or DynamoDB's
absence make it come again. One that stops the function itself again and again is taken last, by itself, and
then put aside.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import TransactionCancelledError, UnavailableError
from tollkeeper.telemetry import logger
from tollkeeper.usage.batch import SECONDS_FOR_A_USER, Backlog, Batch, Message, SideBySide, Tracked
from tollkeeper.usage.messages import DeadLetter

SUSPECT_AFTER = 3
"""Receives after which it is noted that a message is begun, to know whether it stopped the function."""

MOST_STOPS = 3
"""So often a message may have stopped the function before it is taken alone."""

STOPPED = "it stopped the tracker again and again, when it was taken alone as well"


class DeadLetterQueue(Protocol):
    """Where dead letters are kept."""

    def send(self, letters: Sequence[DeadLetter]) -> list[int]:
        """Keep letters, and return the indexes of those that could not be."""


class Attempts(Protocol):
    """What is remembered of messages that came again and again: how often one was begun and never ended."""

    def begin(self, message_ids: Sequence[str], now: datetime) -> Mapping[str, int]:
        """Note that messages are begun, and return how often each was begun before and never ended."""

    def end(self, message_ids: Sequence[str]) -> None:
        """Note that the function has outlived messages."""


class Tracker:
    """Counts what the queue brings, users `side_by_side`: what they wait for is DynamoDB."""

    def __init__(
        self,
        counting: Counting,
        dead_letters: DeadLetterQueue,
        attempts: Attempts,
        backlog: Backlog,
        metrics: Collection[str],
        side_by_side: SideBySide = map,
    ) -> None:
        self._counting = counting
        self._dead_letters = dead_letters
        self._attempts = attempts
        self._backlog = backlog
        self._metrics = metrics
        self._side_by_side = side_by_side

    def track(self, messages: Sequence[Message], now: datetime, patience: Patience) -> Tracked:
        """Count the records of all messages, each user's together, and keep what can never be counted."""
        tracked = Tracked()
        suspects = [each for each in messages if each.receives > SUSPECT_AFTER]
        stops = self._begin(suspects, now)
        together = [each for each in messages if stops.get(each.id, 0) < MOST_STOPS]
        alone = [each for each in messages if stops.get(each.id, 0) == MOST_STOPS]
        for each in messages:
            if stops.get(each.id, 0) > MOST_STOPS:
                tracked.letters.append(
                    (frozenset({each.id}), DeadLetter(each.body, STOPPED, each.sent_at, is_message=True))
                )
        self._count(together, now, patience, tracked)
        if alone and patience.lasts(SECONDS_FOR_A_USER):
            self._count([alone.pop()], now, patience, tracked)
        tracked.failed |= {each.id for each in alone}
        tracked.postponed |= {each.id for each in alone}
        self._keep_letters(tracked)
        self._end(suspects)
        return tracked

    def _count(
        self, messages: Sequence[Message], now: datetime, patience: Patience, tracked: Tracked
    ) -> None:
        batch = Batch(messages, self._metrics, tracked)
        batch.count(self._counting, self._backlog, now, patience, self._side_by_side)

    def _keep_letters(self, tracked: Tracked) -> None:
        letters = [letter for _, letter in tracked.letters]
        for number in self._dead_letters.send(letters) if letters else ():
            tracked.failed |= tracked.letters[number][0]

    def _begin(self, suspects: Sequence[Message], now: datetime) -> Mapping[str, int]:
        """Return how often each suspect has stopped the function; without an answer, none has."""
        if not suspects:
            return {}
        try:
            return self._attempts.begin([each.id for each in suspects], now)
        except (TransactionCancelledError, UnavailableError):
            logger.warning("What is begun could not be noted", extra={"messages": len(suspects)})
            return {}

    def _end(self, suspects: Sequence[Message]) -> None:
        if not suspects:
            return
        try:
            self._attempts.end([each.id for each in suspects])
        except (TransactionCancelledError, UnavailableError):
            logger.warning("What was outlived could not be noted", extra={"messages": len(suspects)})
