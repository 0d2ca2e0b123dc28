"""How messages of the usage queue become counts: judged, gathered by user, counted (DESIGN rules 1, 2)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tollkeeper.ledger.counting import Counting, Tally
from tollkeeper.ledger.patience import ContendedError, Patience
from tollkeeper.ledger.table import UnavailableError
from tollkeeper.rules.usage import Refusal, UsageRecord
from tollkeeper.rules.users import User
from tollkeeper.telemetry import logger
from tollkeeper.usage.judgement import RefusedError, judge_queued, queued_json
from tollkeeper.usage.messages import DeadLetter, UnreadableMessageError, unpack


class DeadLetterQueue(Protocol):
    """Where dead letters are kept."""

    def send(self, letters: Sequence[DeadLetter]) -> list[int]:
        """Keep letters, and return the indexes of those that could not be."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as SQS delivers it. `sent_at` is the deployment's time at which SQS took it."""

    id: str
    body: str
    sent_at: datetime
    redelivered: bool


@dataclass(slots=True)
class Tracked:
    """What became of a batch: the messages that must come again, the units counted by metric, the rest."""

    failed: set[str] = field(default_factory=set)
    counted: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    refused: Counter[Refusal] = field(default_factory=Counter)


class Tracker:
    """Counts what the queue brings. A message is done when its records are counted or dead letters."""

    def __init__(self, counting: Counting, dead_letters: DeadLetterQueue, metrics: Collection[str]) -> None:
        self._counting = counting
        self._dead_letters = dead_letters
        self._metrics = metrics

    def track(self, messages: Sequence[Message], now: datetime, patience: Patience) -> Tracked:
        """Count the records of all messages, each user's together; one user's trouble is not another's."""
        tracked = Tracked()
        records: dict[str, list[UsageRecord]] = defaultdict(list)
        sources: dict[str, set[Message]] = defaultdict(set)
        letters: list[tuple[set[Message], DeadLetter]] = []
        for message in messages:
            for raw, accepted_at in _unpacked(message):
                try:
                    record = judge_queued(raw, accepted_at, self._metrics)
                except RefusedError as error:
                    tracked.refused[error.refusal] += 1
                    letters.append(
                        ({message}, DeadLetter(raw, f"{error.refusal}: {error.message}", accepted_at))
                    )
                else:
                    records[record.user_id].append(record)
                    sources[record.user_id].add(message)
        for user in self._counting.profiles(records):
            user_id = user.user_id
            tally = self._count(user, records[user_id], sources[user_id], now, patience)
            if tally is None:
                tracked.failed |= {message.id for message in sources[user_id]}
                continue
            for record in tally.counted:
                tracked.counted[record.metric] += record.quantity
            tracked.duplicates += len(tally.duplicates)
            tracked.refused.update(refusal for _, refusal in tally.refused)
            letters += [
                (sources[user_id], DeadLetter(queued_json(record), refusal, record.accepted_at))
                for record, refusal in tally.refused
            ]
        for number in self._dead_letters.send([letter for _, letter in letters]):
            tracked.failed |= {message.id for message in letters[number][0]}
        return tracked

    def _count(
        self,
        user: User,
        records: list[UsageRecord],
        messages: set[Message],
        now: datetime,
        patience: Patience,
    ) -> Tally | None:
        """Return what became of a user's records; None if they must come again."""
        redelivered = any(message.redelivered for message in messages)
        try:
            return self._counting.count(user, records, now=now, patience=patience, redelivered=redelivered)
        except (ContendedError, UnavailableError):
            logger.warning(
                "Others were at the same rows, or DynamoDB was away; usage comes again",
                extra={"userId": user.user_id},
            )
            return None


def _unpacked(message: Message) -> Iterator[tuple[object, datetime]]:
    """Return the records of a message as they came, with the time of their acceptance.

    That is what intake wrote beside them; of a message sent straight to the queue, when SQS took it. A
    message that holds no records is itself what cannot be counted.
    """
    try:
        queued = unpack(message.body)
    except UnreadableMessageError:
        logger.warning("A message holds no records", extra={"messageId": message.id})
        yield message.body, message.sent_at
    else:
        yield from ((record, queued.accepted_at or message.sent_at) for record in queued.records)
