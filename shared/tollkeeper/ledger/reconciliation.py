"""The book of closed periods that are still compared with what was billed (DESIGN rule 13)."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from uuid import uuid4

from tollkeeper.ledger import entry_rows, keys
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.table import Change, Put, Table, TransactionCancelledError
from tollkeeper.rules.announcements import Announcement
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.times import iso


class Reconciliation:
    """Finds closed periods while they are compared, and notes what does not agree."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def closed(self, until: datetime) -> Iterator[tuple[str, str]]:
        """Return users and names of the periods that closed by then and are still compared.

        The last closed come first in each shard: where time is short, those are left that were compared
        often.
        """
        for shard in keys.shards(Due.RECONCILE):
            for key in reversed(self._table.due(shard, iso(until))):
                user_id, _, period_id = keys.read_period(key)
                yield user_id, period_id

    def leave(self, user_id: str, period_id: str) -> None:
        """Compare a period no more."""
        done = Change(keys.period_by_id(user_id, period_id), remove=["due", "dueAt"])
        self._table.transact([done])

    def note(self, entry: AuditEntry, announcement: Announcement) -> None:
        """Write down and announce what does not agree, unless the same was announced before.

        Raises:
            UnavailableError: whether it was written is unknown; note it again.
        """
        with suppress(TransactionCancelledError):
            self._table.transact(
                [
                    Put(
                        keys.announcement(announcement.user_id, announcement.id),
                        entry_rows.announcement(announcement),
                    ),
                    Put(keys.audit(entry.user_id, entry.at, uuid4().hex), entry_rows.audit_entry(entry)),
                ]
            )
