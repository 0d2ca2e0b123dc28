"""The book of bills: what closed periods owe, and how far that has come (DESIGN rules 11 and 12)."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from uuid import uuid4

from tollkeeper.ledger import bill_rows, entry_rows, keys
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.table import Cells, Change, Put, Table, TransactionCancelledError, Write, equal
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

    def unfinished(self, most: int) -> list[Bill]:
        """Return bills with which something is yet to be done, at whatever time: for who looks on.

        A hundred of them are one read; more than `most` are not read.
        """
        names = islice(self.due(datetime.max.replace(tzinfo=UTC)), most)
        return [bill_rows.bill(row) for row in self._table.get_all(keys.bill(*name) for name in names)]

    def read(self, user_id: str, period_id: str) -> Bill | None:
        """Return a period's bill, if it has one."""
        found = next(iter(self._table.get_all([keys.bill(user_id, period_id)])), None)
        return bill_rows.bill(found) if found else None

    def on(self, user_id: str, invoice_id: str) -> tuple[str, Bill] | None:
        """Return the user's bill whose charges are on an invoice, and its period's name; None if none is."""
        found = next((each for each in self.of_user(user_id) if each.invoice_id == invoice_id), None)
        return (bill_rows.period_id(found), found) if found else None

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
        writes: list[Write] = [bill_rows.change(before, after, due_at)]
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
        return replace(after, rev=bill_rows.rev_after(before))

    def postpone(self, bill: Bill, until: datetime) -> None:
        """Let a bill come again at a time, if nobody has taken it a step on meanwhile."""
        later = Change(bill_rows.key(bill), set={"dueAt": until}, only_if=[equal("rev", bill.rev)])
        with suppress(TransactionCancelledError):
            self._table.transact([later])

    def wake(self, user_id: str, of: str | None, now: datetime) -> None:
        """Let a user's bills that wait for Stripe be looked at in the next run: Stripe has said something.

        `of` is the id of what it was said of. An agreed bill is looked at once more if that is its invoice,
        which may have been voided.
        """
        for bill in self.of_user(user_id):
            if not bill.is_final or (bill.state is State.AGREED and bill.invoice_id == of):
                waits: Cells = {"due": keys.shard(Due.CHARGE, user_id), "dueAt": now}
                woken = Change(bill_rows.key(bill), set=waits, only_if=[equal("rev", bill.rev)])
                with suppress(TransactionCancelledError):
                    self._table.transact([woken])
