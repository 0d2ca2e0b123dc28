"""The book of ended periods: each is closed once, with what it owes (DESIGN rules 11 and 12)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from tollkeeper.ledger import bill_rows, entry_rows, keys, rows
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.rows import USED
from tollkeeper.ledger.table import Change, Key, Put, Table, TransactionCancelledError, Write, absent, equal
from tollkeeper.rules.audit import Action, AuditEntry
from tollkeeper.rules.bills import Bill
from tollkeeper.rules.charges import Charge
from tollkeeper.rules.digests import digest
from tollkeeper.rules.periods import Period
from tollkeeper.rules.times import iso
from tollkeeper.rules.users import User


class PeriodMovedError(Exception):
    """The period's counters moved, or somebody closed it, since it was read. Read it again."""


class Ending(NamedTuple):
    """A user with one of their periods, if it is there, and what it owes as far as that is known."""

    user: User
    period: Period | None
    bill: Bill | None


class Closing:
    """Finds the periods that have ended, and closes them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def ended(self, until: datetime) -> Iterator[tuple[str, str]]:
        """Return users and names of the open periods that ended by then; the cost follows their number."""
        for shard in keys.shards(Due.CLOSE):
            for key in self._table.due(shard, iso(until)):
                user_id, _, period_id = keys.read_period(key)
                yield user_id, period_id

    def backlog(self, until: datetime) -> tuple[int, datetime | None]:
        """Return how many open periods ended by then, and when the first of them did: for who looks on."""
        shards = [self._table.due(shard, iso(until)) for shard in keys.shards(Due.CLOSE)]
        ends = [rows.period(row).end for row in self._table.get_all(each[0] for each in shards if each)]
        return sum(map(len, shards)), min(filter(None, ends), default=None)

    def names(self, user_id: str, start: datetime) -> list[str]:
        """Return the names of a user's periods that start at an instant: one of each owner."""
        found = self._table.query(keys.user(user_id), *keys.periods_from(start))
        return [keys.read_period(Key(str(row["pk"]), str(row["sk"])))[2] for row in found]

    def read(self, user_id: str, period_id: str) -> Ending:
        """Return a period with its user, who comes without periods, and its bill, in one read."""
        wanted = [
            keys.profile(user_id),
            keys.period_by_id(user_id, period_id),
            keys.bill(user_id, period_id),
        ]
        found = {str(row["sk"]): row for row in self._table.get_all(wanted)}
        profile, period_row, bill_row = (found.get(key.sk) for key in wanted)
        period = rows.period(period_row) if period_row else None
        return Ending(rows.user(user_id, profile, ()), period, bill_rows.bill(bill_row) if bill_row else None)

    def close(
        self,
        user_id: str,
        period: Period,
        charges: tuple[Charge, ...],
        bill: tuple[Bill | None, Bill] | None,
        now: datetime,
    ) -> None:
        """Close a period as it was read, and freeze what it owes, in one transaction.

        `bill` is its bill as it was read and as it is to be; None where nothing is owed and nothing was held.

        Raises:
            PeriodMovedError: it is not as it was read any more.
        """
        units = {each.metric: str(each.quantity) for each in charges}
        name = keys.period_id(period)
        entry = AuditEntry(user_id, now, "reporter", Action.PERIOD_CLOSED, "period", name, {"after": units})
        writes: list[Write] = [_closed(user_id, period, now)]
        if bill:
            writes.append(bill_rows.change(*bill, due_at=now))
        writes.append(Put(keys.audit(user_id, now, uuid4().hex), entry_rows.audit_entry(entry)))
        try:
            self._table.transact(writes)
        except TransactionCancelledError as error:
            raise PeriodMovedError from error


def _closed(user_id: str, period: Period, now: datetime) -> Change:
    """Return the closing of a period, if it still is what its overage was computed from.

    From then on it waits to be reconciled, with the digest of what it was.
    """
    unmoved = [equal(USED + metric, period.used.get(metric)) for metric in period.terms.prices]
    return Change(
        keys.period(user_id, period),
        set={
            "closedAt": now,
            "digest": digest(replace(period, closed_at=now)),
            "due": keys.shard(Due.RECONCILE, user_id),
            "dueAt": now,
        },
        only_if=[
            absent("closedAt"),
            absent("void"),
            equal("terms", period.pinned),
            equal("periodEnd", period.end),
            equal("spendingCap", period.spending_cap),
            *unmoved,
        ],
    )
