"""The book of usage: every record is counted exactly once, whatever is sent again (DESIGN rules 1 to 4).

A record's own row says that it was counted. One transaction writes the rows of a user's new records, adds
their sums to the period and to the days they fall on, and lists them on a page: all of it, or nothing. What
was counted before shows itself by its row, is left out, and the rest is summed again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from tollkeeper.ledger import keys, open_rows, record_rows
from tollkeeper.ledger.day_marks import marks
from tollkeeper.ledger.listing import FEW
from tollkeeper.ledger.patience import ContendedError, Patience
from tollkeeper.ledger.record_rows import REFUSED
from tollkeeper.ledger.table import (
    Key,
    Refused,
    Row,
    Table,
    TransactionCancelledError,
    UnavailableError,
)
from tollkeeper.ledger.transactions import may_be_in_row, transactions, writes
from tollkeeper.ledger.users import Users
from tollkeeper.rules.allocation import Allocation, allocate
from tollkeeper.rules.metering import shown_metrics
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.usage import Refusal, UsageRecord, merge
from tollkeeper.rules.users import User, is_history, period_key_at


@dataclass(slots=True)
class Tally:
    """What became of one user's records.

    `refused` names those that will never be counted, and why; `left` those that must come again, since time
    was up or DynamoDB away. Counting what is left, or all of it, again is safe.
    """

    counted: list[UsageRecord] = field(default_factory=list)
    duplicates: list[UsageRecord] = field(default_factory=list)
    refused: list[tuple[UsageRecord, Refusal]] = field(default_factory=list)
    left: list[UsageRecord] = field(default_factory=list)


class _DisplacedError(Exception):
    """The period was closed, or is another by Stripe's word, since it was named; these belong elsewhere."""

    def __init__(self, displaced: Sequence[UsageRecord]) -> None:
        super().__init__()
        self.displaced = displaced


class Counting:
    """Counts usage records."""

    def __init__(self, table: Table, offer: Offer) -> None:
        self._table = table
        self._users = Users(table)
        self._offer = offer

    def profiles(self, user_ids: Iterable[str]) -> Iterator[User]:
        """Return users as `count` needs them first: most records need no more than the user's row."""
        return self._users.profiles(user_ids)

    def known(self, records: Iterable[UsageRecord]) -> Mapping[Key, Row]:
        """Return the rows of those of some users' records that were counted before, a hundred in one request.

        Where many are likely known already, reading them first costs less than a refused transaction, which
        costs as much as one that is made.
        """
        wanted = dict.fromkeys(keys.record(record.user_id, record.id) for record in records)
        found = self._table.get_all(wanted)
        return {Key(str(row["pk"]), str(row["sk"])): row for row in found if REFUSED not in row}

    def periods(self, those: Iterable[tuple[User, Sequence[UsageRecord]]]) -> Mapping[Key, Row]:
        """Return the rows in which users' few records may be listed, a hundred in one request."""
        wanted = dict.fromkeys(
            keys.period_of(user.user_id, *period_key_at(user, record.timestamp))
            for user, records in those
            if len(records) <= FEW
            for record in records
        )
        found = {Key(str(row["pk"]), str(row["sk"])): row for row in self._table.get_all(wanted)}
        return {key: found.get(key, {}) for key in wanted}

    def count(
        self,
        user: User,
        records: Sequence[UsageRecord],
        *,
        now: datetime,
        patience: Patience,
        known: Mapping[Key, Row] | None = None,
        periods: Mapping[Key, Row] | None = None,
    ) -> Tally:
        """Count what of a user's records is not counted yet.

        `user` is their row, `known` and `periods` what was read before: none of it need be new or whole.
        """
        count = _Count(self._table, self._users, self._offer, user, now, patience, {**(periods or {})})
        return count.of(records, known or {})


class _Count:
    """The counting of one user's records."""

    def __init__(
        self,
        table: Table,
        users: Users,
        offer: Offer,
        user: User,
        now: datetime,
        patience: Patience,
        periods: dict[Key, Row],
    ) -> None:
        self._table = table
        self._users = users
        self._offer = offer
        self._user = user
        self._now = now
        self._patience = patience
        self._periods = periods
        self._tally = Tally()
        self._facts: dict[str, UsageRecord] = {}
        self._refusals: dict[str, str] = {}
        self._marked: set[date] = set()

    def of(self, records: Sequence[UsageRecord], known: Mapping[Key, Row]) -> Tally:
        pending, rivals = merge(records)
        for record in list(pending):
            if row := known.get(keys.record(record.user_id, record.id)):
                pending.remove(record)
                self._note_known(record, row)
        self._tally.left = self._count_all(pending)
        self._judge_rivals(rivals)
        return self._tally

    def _count_all(self, pending: list[UsageRecord]) -> list[UsageRecord]:
        """Count records; return those that must come again."""
        fresh = not any(is_history(record.timestamp, self._now) for record in pending)
        attempt = 0
        while pending:
            displaced: list[UsageRecord] = []
            try:
                if not fresh:
                    instants = [record.timestamp for record in pending]
                    self._user = self._users.read(self._user.user_id, self._now, instants)
                allocations = [allocate(self._user, each, self._now, self._offer) for each in pending]
                for together in transactions(allocations):
                    try:
                        self._write(together)
                    except _DisplacedError as moved:
                        displaced += moved.displaced
                if displaced:
                    self._patience.wait(attempt)
            except (ContendedError, UnavailableError):
                settled = self._settled()
                return [each for each in pending if each.id not in settled]
            pending, fresh = displaced, False
            attempt += 1
        return []

    def _settled(self) -> set[str]:
        return {*self._facts, *(record.id for record, _ in self._tally.refused)}

    def _write(self, allocations: list[Allocation]) -> None:
        """Count what belongs into one transaction.

        Raises:
            _DisplacedError: what is left belongs to another period.
            ContendedError: time was up.
        """
        attempt, unanswered = 0, False
        key = keys.period(self._user.user_id, allocations[0].period)
        while allocations:
            if not self._patience.lasts(0):
                raise ContendedError
            row = self._row_for(key, allocations)
            records = [each.record for each in allocations]
            shown = shown_metrics(self._user, self._offer.catalogue)
            marking = marks(records, shown, self._now, key, row, self._marked)
            try:
                kept = self._offer.record_lifetime
                self._table.transact(writes(allocations, self._now, self._refusals, row, marking, kept))
            except TransactionCancelledError as cancelled:
                period = cancelled.refused[len(allocations)]
                before = (len(allocations), dict(self._refusals), row)
                allocations = self._without_known(allocations, cancelled)
                if allocations and self._is_below_zero(allocations, period, unanswered=unanswered):
                    return
                if row is not None and period.by_condition:
                    row = self._periods[key] = period.row or {}
                if cancelled.only_by_condition and before != (len(allocations), self._refusals, row):
                    continue
            except UnavailableError:
                unanswered = True  # Whether it was written is unknown; if so, the records' rows will say it.
            else:
                self._periods.pop(key, None)
                self._tally.counted += records
                self._facts |= {record.id: record for record in records}
                self._marked |= marking.days
                return
            if allocations:
                self._patience.wait(attempt)
                attempt += 1

    def _row_for(self, key: Key, allocations: Sequence[Allocation]) -> Row | None:
        """Return the row of the period, empty if there is none, where it may list what is counted.

        Raises:
            _DisplacedError: the row says that all of it belongs to another period.
        """
        if not may_be_in_row(allocations):
            return None
        if key not in self._periods:
            self._periods[key] = next(self._table.get_all([key]), {})
        row = self._periods[key]
        if open_rows.has_moved(row, allocations[0].period):
            self._periods.pop(key)
            raise _DisplacedError([each.record for each in allocations])
        return row

    def _without_known(
        self, allocations: Sequence[Allocation], cancelled: TransactionCancelledError
    ) -> list[Allocation]:
        """Note what was counted before, and return the rest."""
        left = []
        for each, refused in zip(allocations, cancelled.refused, strict=False):
            if refused.row is None or REFUSED in refused.row:
                left.append(each)
            else:
                self._note_known(each.record, refused.row)
            if refused.row is not None and REFUSED in refused.row:
                self._refusals[each.record.id] = str(refused.row[REFUSED])
        return left

    def _is_below_zero(self, left: Sequence[Allocation], period: Refused, *, unanswered: bool) -> bool:
        """Whether a correction was refused, since it would take more than was counted.

        Raises:
            _DisplacedError: what is left belongs to another period.
            ContendedError: an attempt got no answer, and may yet be what was counted.
        """
        if not period.by_condition:
            return False
        if open_rows.has_moved(period.row or {}, left[0].period):
            raise _DisplacedError([each.record for each in left])
        if left[0].record.quantity > 0:
            return False
        if unanswered:
            raise ContendedError
        self._tally.refused += [(each.record, Refusal.BELOW_ZERO) for each in left]
        return True

    def _note_known(self, record: UsageRecord, row: Row) -> None:
        """Note a record whose id was counted before: the same fact again, or another under its name."""
        fact = record_rows.record(row)
        self._facts[record.id] = fact
        if record.states_the_same_as(fact):
            self._tally.duplicates.append(record)
        else:
            self._tally.refused.append((record, Refusal.CONFLICT))

    def _judge_rivals(self, rivals: Sequence[UsageRecord]) -> None:
        """Judge the records that contradicted another of their id, now that it is known which one counts."""
        refused = {record.id for record, _ in self._tally.refused}
        for rival in rivals:
            fact = self._facts.get(rival.id)
            if fact is None and rival.id not in refused:
                self._tally.left.append(rival)
            elif fact and rival.states_the_same_as(fact):
                self._tally.duplicates.append(rival)
            else:
                self._tally.refused.append((rival, Refusal.CONFLICT))
