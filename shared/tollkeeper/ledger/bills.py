"""The book of bills: what closed periods owe, and how far that has come (DESIGN rules 11 and 12)."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from tollkeeper.ledger import bill_rows, entry_rows, keys
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.table import Cells, Change, Key, Put, Table, TransactionCancelledError, Write, equal
from tollkeeper.rules.announcements import Announcement
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.bills import Bill, State
from tollkeeper.rules.times import iso


class BillMovedError(Exception):
    """Somebody else has taken the bill a step on since it was read. Read it again."""


class Bills:
    """Reads and writes bills. Each write names the revision that it was decided on."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def due(self, until: datetime) -> Iterator[tuple[str, str]]:
        """Return the users and periods whose bills are due by then, the longest due first in each shard."""
        for shard in keys.shards(Due.CHARGE):
            for key in self._table.due(shard, iso(until)):
                user_id, _, period_id = keys.read_period(key)
                yield user_id, period_id

    def read(self, user_id: str, period_id: str) -> Bill | None:
        """Return a period's bill, if it has one."""
        found = next(iter(self._table.get_all([keys.bill(user_id, period_id)])), None)
        return bill_rows.bill(found) if found else None

    def of_user(self, user_id: str) -> list[Bill]:
        """Return all bills of a user, the newest period's first."""
        return [bill_rows.bill(row) for row in self._table.query(keys.user(user_id), *keys.bills())]

    def write(
        self,
        before: Bill | None,
        after: Bill,
        due_at: datetime,
        audit: Sequence[AuditEntry] = (),
        announcements: Sequence[Announcement] = (),
    ) -> Bill:
        """Write what has become of a bill, and the news of it, at once; return it as it stands now.

        `due_at` is when the next step is to be taken; a final bill leaves the index.

        Raises:
            BillMovedError: it is not as it was read any more.
            UnavailableError: whether it was written is unknown.
        """
        writes: list[Write] = [change(before, after, due_at)]
        writes += [
            Put(keys.audit(each.user_id, each.at, uuid4().hex), entry_rows.audit_entry(each))
            for each in audit
        ]
        writes += [
            Change(keys.announcement(each.user_id, each.id), begin=entry_rows.announcement(each))
            for each in announcements
        ]
        try:
            self._table.transact(writes)
        except TransactionCancelledError as error:
            raise BillMovedError from error
        return replace(after, rev=_rev(before) + 1)

    def postpone(self, bill: Bill, until: datetime) -> None:
        """Let a bill come again at a time, if nobody has taken it a step on meanwhile."""
        later = Change(_key(bill), set={"dueAt": until}, only_if=[equal("rev", bill.rev)])
        with suppress(TransactionCancelledError):
            self._table.transact([later])

    def wake(self, user_id: str, now: datetime) -> None:
        """Let a user's bills that wait for Stripe be looked at in the next run: Stripe has said something.

        An agreed bill is looked at once more as well, for its invoice may have been voided.
        """
        for bill in self.of_user(user_id):
            if not bill.is_final or bill.state is State.AGREED:
                waits: Cells = {"due": keys.shard(Due.CHARGE, user_id), "dueAt": now}
                woken = Change(_key(bill), set=waits, only_if=[equal("rev", bill.rev)])
                with suppress(TransactionCancelledError):
                    self._table.transact([woken])


def change(before: Bill | None, after: Bill, due_at: datetime) -> Change:
    """Return the writing of a bill, refused unless it still is what it was `before`; None if it is new."""
    cells = bill_rows.cells(replace(after, rev=_rev(before) + 1))
    waits: Cells = {"due": keys.shard(Due.CHARGE, after.user_id), "dueAt": due_at}
    return Change(
        _key(after),
        set={**cells, **({} if after.is_final else waits)},
        remove=[
            *(name for name, value in cells.items() if value is None),
            *(waits if after.is_final else ()),
        ],
        only_if=[equal("rev", before.rev if before else None)],
    )


def _rev(of: Bill | None) -> int:
    return of.rev if of else 0


def _key(of: Bill) -> Key:
    return keys.bill(of.user_id, bill_rows.period_id(of))
