"""Whether the usage queue has settled, as far as it can be known (DESIGN rule 12)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from tollkeeper.rules.settling import Settled

EARLIEST = datetime.min.replace(tzinfo=UTC)


class UsageQueue(Protocol):
    """The queue on which usage may still be on its way."""

    def is_empty(self) -> bool:
        """Whether nothing waits on it or is under way."""


class NotedBacklog(Protocol):
    """What trackers have noted of the queue."""

    def oldest(self, now: datetime) -> datetime | None:
        """Return the oldest acceptance that they have held lately; None if none has held any."""


@dataclass(frozen=True, slots=True)
class Settling:
    """Says whether the usage that was accepted before a period's end has been counted (rule 12).

    It has when the queue is empty by SQS's own numbers, or when what trackers lately held was all accepted
    after the end. Nobody waits longer than drafts are held.
    """

    queue: UsageQueue
    backlog: NotedBacklog

    def ends(self, now: datetime) -> Settled:
        """Return which ends have settled by now, asking once."""
        return Settled(now, None if self.queue.is_empty() else self.backlog.oldest(now) or EARLIEST)
