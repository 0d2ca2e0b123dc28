"""A batch of the usage queue's messages: judged, gathered by user, counted (DESIGN rules 1, 2)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched
from typing import Protocol

from tollkeeper.ledger.counting import Counting, Tally
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import MOST_READS, Key, Row, UnavailableError
from tollkeeper.rules.usage import Refusal, UsageRecord, acceptance
from tollkeeper.rules.users import User
from tollkeeper.telemetry import logger
from tollkeeper.usage.judgement import RefusedError, judge_queued, queued_json
from tollkeeper.usage.messages import DeadLetter, UnreadableMessageError, unpack

SECONDS_FOR_A_USER = 2.0
"""Time without which no user's records are begun."""

CORRECTIONS_WAIT = timedelta(hours=1)
"""How long a correction of more than is counted waits for the usage that it may have overtaken."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as SQS delivers it. `sent_at` is the deployment's time at which SQS took it."""

    id: str
    body: str
    sent_at: datetime
    receives: int = 1


@dataclass(slots=True)
class Tracked:
    """What became of messages: those that must come again, the units counted by metric, the rest.

    Of the messages that failed, `postponed` were not begun, for want of time: they may come again at once.
    `letters` are what can never be counted, each with the messages that brought it.
    """

    failed: set[str] = field(default_factory=set)
    postponed: set[str] = field(default_factory=set)
    counted: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    refused: Counter[Refusal] = field(default_factory=Counter)
    letters: list[tuple[frozenset[str], DeadLetter]] = field(default_factory=list)


type SideBySide = Callable[[Callable[[str], Tally | None], Sequence[str]], Iterable[Tally | None]]
"""Does the same for each user, as `map` does, perhaps for several at once."""


class Backlog(Protocol):
    """What is noted of the queue, for whoever waits until it has settled."""

    def note(self, oldest: datetime, now: datetime) -> None:
        """Note the oldest acceptance among the records in hand."""


class Batch:
    """The records of some messages. A message is done when all of its records are."""

    def __init__(self, messages: Sequence[Message], metrics: Collection[str], tracked: Tracked) -> None:
        self._tracked = tracked
        self._by_user: dict[str, list[UsageRecord]] = defaultdict(list)
        self._sources: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._redelivered: list[UsageRecord] = []
        for message in messages:
            try:
                queued = unpack(message.body)
            except UnreadableMessageError as error:
                letter = DeadLetter(
                    message.body, f"{Refusal.INVALID}: {error}", message.sent_at, is_message=True
                )
                tracked.refused[Refusal.INVALID] += 1
                tracked.letters.append((frozenset({message.id}), letter))
                continue
            accepted_at = acceptance(queued.accepted_at, message.sent_at)
            for raw in queued.records:
                self._judge(message, raw, accepted_at, metrics)

    def count(
        self,
        counting: Counting,
        backlog: Backlog,
        now: datetime,
        patience: Patience,
        side_by_side: SideBySide = map,
    ) -> None:
        """Count each user's records together, several users side by side, and note what became of them.

        One user's trouble is not another's; whom there is no time for comes again.
        """
        if not self._by_user:
            return
        accepted = (record.accepted_at for records in self._by_user.values() for record in records)
        backlog.note(min(accepted), now)
        known, users = self._known(counting), self._users(counting)
        periods = self._periods(counting, users)

        def count(user_id: str) -> Tally | None:
            records = self._by_user[user_id]
            if not patience.lasts(SECONDS_FOR_A_USER):
                return None
            try:
                user = users.get(user_id) or next(iter(counting.profiles([user_id])))
                return counting.count(user, records, now=now, patience=patience, known=known, periods=periods)
            except Exception:  # noqa: BLE001 - whatever is wrong with one user, the others are counted
                logger.exception(
                    "A user's usage cannot be counted; it comes again", extra={"userId": user_id}
                )
                return Tally(left=records)

        tallies = side_by_side(count, list(self._by_user))
        for user_id, tally in zip(list(self._by_user), tallies, strict=True):
            self._note(user_id, tally, now)

    def _judge(self, message: Message, raw: object, accepted_at: datetime, metrics: Collection[str]) -> None:
        try:
            record = judge_queued(raw, accepted_at, metrics)
        except RefusedError as error:
            self._tracked.refused[error.refusal] += 1
            letter = DeadLetter(raw, f"{error.refusal}: {error.message}", accepted_at)
            self._tracked.letters.append((frozenset({message.id}), letter))
            return
        self._by_user[record.user_id].append(record)
        self._sources[record.user_id, record.id].add(message.id)
        if message.receives > 1:
            self._redelivered.append(record)

    def _known(self, counting: Counting) -> Mapping[Key, Row]:
        """Return what was counted before of messages that were delivered before, as far as it can be read."""
        try:
            return counting.known(self._redelivered) if self._redelivered else {}
        except UnavailableError:
            return {}  # what was counted shows itself again when it is written

    def _users(self, counting: Counting) -> Mapping[str, User]:
        """Return the users as far as they can be read together; the others are read one by one."""
        users: dict[str, User] = {}
        for some in batched(self._by_user, MOST_READS, strict=False):
            try:
                users |= {each.user_id: each for each in counting.profiles(some)}
            except UnavailableError:
                logger.warning("Users could not be read together", extra={"users": len(some)})
        return users

    def _periods(self, counting: Counting, users: Mapping[str, User]) -> Mapping[Key, Row]:
        """Return the rows in which few records may be listed, as far as they can be read together."""
        try:
            return counting.periods((user, self._by_user[name]) for name, user in users.items())
        except UnavailableError:
            return {}  # each is read when its turn comes

    def _note(self, user_id: str, tally: Tally | None, now: datetime) -> None:
        tracked = self._tracked
        if tally is None:
            self._fail(user_id, self._by_user[user_id], postponed=True)
            return
        for record in tally.counted:
            tracked.counted[record.metric] += record.quantity
        tracked.duplicates += len(tally.duplicates)
        early = [record for record, refusal in tally.refused if _may_be_early(record, refusal, now)]
        self._fail(user_id, [*tally.left, *early])
        for record, refusal in tally.refused:
            if not _may_be_early(record, refusal, now):
                tracked.refused[refusal] += 1
                letter = DeadLetter(queued_json(record), refusal, record.accepted_at)
                tracked.letters.append((frozenset(self._sources[user_id, record.id]), letter))

    def _fail(self, user_id: str, records: Sequence[UsageRecord], *, postponed: bool = False) -> None:
        failed = {source for record in records for source in self._sources[user_id, record.id]}
        if postponed:
            self._tracked.postponed |= failed - self._tracked.failed
        else:
            self._tracked.postponed -= failed
        self._tracked.failed |= failed


def _may_be_early(record: UsageRecord, refusal: Refusal, now: datetime) -> bool:
    """Whether a correction may have overtaken the usage that it takes back."""
    return refusal is Refusal.BELOW_ZERO and now - record.accepted_at < CORRECTIONS_WAIT
