"""What trackers note for one another and for the reporter: messages they began, and the queue's backlog."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched
from uuid import uuid4

from tollkeeper.ledger import keys
from tollkeeper.ledger.table import (
    MOST_WRITES,
    Cells,
    Change,
    Table,
    TransactionCancelledError,
    UnavailableError,
)
from tollkeeper.rules.times import epoch, parse_iso

ATTEMPT_LIFETIME = timedelta(days=15)
"""Longer than a message stays on its queue."""

NOTE_LIFETIME = timedelta(days=1)
LATELY = timedelta(minutes=20)
"""How far back notes say what the queue holds: longer than a message that failed waits out of sight."""

MINUTE = timedelta(minutes=1)


class MessageAttempts:
    """Remembers of messages how often they were begun and never ended."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, message_ids: Sequence[str], now: datetime) -> Mapping[str, int]:
        """Note that messages are begun, and return how often each was begun before and never ended.

        Raises:
            TransactionCancelledError, UnavailableError: it may not have been noted.
        """
        wanted = {keys.attempt(each): each for each in message_ids}
        found = {str(row["pk"]): int(row.get("begun", 0)) for row in self._table.get_all(wanted)}
        expires = epoch(now + ATTEMPT_LIFETIME)
        for some in batched(wanted, MOST_WRITES, strict=False):
            self._table.transact([Change(key, set={"expiresAt": expires}, add={"begun": 1}) for key in some])
        return {name: found.get(key.pk, 0) for key, name in wanted.items()}

    def end(self, message_ids: Sequence[str]) -> None:
        """Note that the function has outlived messages.

        Raises:
            TransactionCancelledError, UnavailableError: it may not have been noted.
        """
        wanted = dict.fromkeys(keys.attempt(each) for each in message_ids)
        for some in batched(wanted, MOST_WRITES, strict=False):
            self._table.transact([Change(key, remove=["begun"]) for key in some])


class QueueBacklog:
    """Notes once a minute the oldest acceptance that a tracker has in hand, and tells what was noted lately.

    One is made in a function's life: each has rows of its own.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._name = uuid4().hex
        self._noted: tuple[datetime, datetime] | None = None
        self._untold: datetime | None = None

    def note(self, oldest: datetime, now: datetime) -> None:
        """Note the oldest acceptance among the records in hand, unless this minute told of one as old.

        What could not be noted, because DynamoDB was away, is noted with the next: it waits out of sight, and
        until it comes again nobody else tells of it.
        """
        oldest = min(oldest, self._untold or oldest)
        minute = now.replace(second=0, microsecond=0)
        if self._noted and self._noted[0] == minute and self._noted[1] <= oldest:
            return
        cells: Cells = {"oldest": oldest, "expiresAt": epoch(now + NOTE_LIFETIME)}
        try:
            self._table.transact([Change(keys.backlog(now, self._name), set=cells)])
        except (TransactionCancelledError, UnavailableError):
            self._untold = oldest
            return
        self._noted, self._untold = (minute, oldest), None

    def oldest(self, now: datetime) -> datetime | None:
        """Return the oldest acceptance that trackers have held lately; None if none has held any."""
        found = self._table.query(*keys.backlog_since(now - LATELY))
        return min((parse_iso(str(row["oldest"])) for row in found), default=None)
