"""The book of usage: every record is counted exactly once, whatever is sent again (DESIGN rules 1 to 4).

A record's own item is the marker that it was counted. One transaction writes the markers of a user's new
records, adds their sums to the period and to the days they fall on, and lists them on a page: all of it, or
nothing. What was counted before shows itself by its marker, is left out, and the rest is summed again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from tollkeeper.ledger import entry_rows, keys, record_rows, rows
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.rows import USED
from tollkeeper.ledger.table import (
    MOST_WRITES,
    Change,
    Condition,
    Is,
    Key,
    Put,
    Table,
    TransactionCancelledError,
    UnavailableError,
    Write,
    absent,
)
from tollkeeper.ledger.users import Users
from tollkeeper.rules.audit import Action, AuditEntry
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.usage import Refusal, UsageRecord, merge
from tollkeeper.rules.users import Allocation, User, allocate, is_history


@dataclass(slots=True)
class Tally:
    """What became of one user's records. `refused` names those that will never be counted, and why."""

    counted: list[UsageRecord] = field(default_factory=list)
    duplicates: list[UsageRecord] = field(default_factory=list)
    refused: list[tuple[UsageRecord, Refusal]] = field(default_factory=list)


OTHER_WRITES = 3
"""The period, the page and perhaps an audit entry, beside the markers and the days."""


class _PeriodClosedError(Exception):
    """The period was closed since the account was read; these postings belong elsewhere."""

    def __init__(self, allocations: Sequence[Allocation]) -> None:
        super().__init__()
        self.allocations = allocations


class Counting:
    """Counts usage records."""

    def __init__(self, table: Table, offer: Offer) -> None:
        self._table = table
        self._accounts = Users(table)
        self._offer = offer

    def profiles(self, user_ids: Iterable[str]) -> Iterator[User]:
        """Return users as `count` needs them first: most records need no more than the user's row."""
        return self._accounts.profiles(user_ids)

    def count(
        self,
        user: User,
        records: Sequence[UsageRecord],
        *,
        now: datetime,
        patience: Patience,
        redelivered: bool = False,
    ) -> Tally:
        """Count what of a user's records is not counted yet; `account` is the user at a glance.

        Where `redelivered` says that many are likely known already, their markers are read first, because
        a refused transaction costs as much as one that is made.

        Raises:
            ContendedError: time was up; some may be counted already, and counting all again is safe.
        """
        tally = Tally()
        pending, conflicts = merge(records)
        tally.refused += [(record, Refusal.CONFLICT) for record in conflicts]
        if redelivered:
            pending = self._without_known(pending, tally)
        known = not any(is_history(user, record.timestamp) for record in pending)
        while pending:
            if not known:
                user = self._accounts.read(user.user_id, min(record.timestamp for record in pending))
            allocations = [allocate(user, record, now, self._offer) for record in pending]
            pending = []
            for together in _transactions(allocations):
                try:
                    self._write(user.user_id, together, now, patience, tally)
                except _PeriodClosedError as closed:
                    pending += [each.record for each in closed.allocations]
                    known = False
        return tally

    def _without_known(self, records: Sequence[UsageRecord], tally: Tally) -> list[UsageRecord]:
        wanted = {keys.record(record.user_id, record.id): record for record in records}
        for row in self._table.get_all(list(wanted)):
            record = wanted.pop(Key(str(row["pk"]), str(row["sk"])))
            _known(record, record_rows.record(row), tally)
        return list(wanted.values())

    def _write(
        self, user_id: str, allocations: list[Allocation], now: datetime, patience: Patience, tally: Tally
    ) -> None:
        attempt = 0
        while allocations:
            try:
                self._table.transact(_writes(user_id, allocations, now))
            except TransactionCancelledError as cancelled:
                allocations = _without_refused(allocations, cancelled, tally)
                if cancelled.only_by_condition:
                    continue
            except UnavailableError:
                pass  # Whether it was written is unknown; if so, the markers will say it.
            else:
                tally.counted += [each.record for each in allocations]
                return
            patience.wait(attempt)
            attempt += 1


def _writes(user_id: str, allocations: Sequence[Allocation], now: datetime) -> list[Write]:
    """Return one transaction: the markers in the order of the postings, then what they add up to."""
    first = allocations[0]
    page = keys.page(user_id, keys.period_id(first.period), first.record.billing_month, now, uuid4().hex)
    writes: list[Write] = [_marker(each) for each in allocations]
    writes.append(_period(user_id, allocations))
    writes.append(Put(page, record_rows.page([each.record for each in allocations])))
    writes += _days(user_id, allocations)
    if first.unbilled:
        units = {metric: str(quantity) for metric, quantity in _sums(allocations).items()}
        entry = AuditEntry(user_id, now, "tracker", Action.USAGE_UNBILLED, "usage", page.sk, {"after": units})
        writes.append(Put(keys.audit(user_id, now, uuid4().hex), entry_rows.audit_entry(entry)))
    return writes


def _marker(of: Allocation) -> Put:
    cells = record_rows.record_cells(
        of.record, keys.period_id(of.period), late=of.late, unbilled=of.unbilled, dropped=not of.counts
    )
    return Put(keys.record(of.record.user_id, of.record.id), cells)


def _period(user_id: str, allocations: Sequence[Allocation]) -> Change:
    """Return the change of the period. What is only shown begins it too, since pages are found by periods."""
    first = allocations[0]
    conditions = [absent("closedAt")]
    if first.counts and first.record.quantity < 0:
        conditions.append(Condition(USED + first.record.metric, Is.AT_LEAST, -first.record.quantity))
    return Change(
        keys.period(user_id, first.period),
        begin=rows.period_bounds(user_id, first.period),
        add=_counters(allocations) if first.counts else {},
        only_if=conditions,
    )


def _days(user_id: str, allocations: Sequence[Allocation]) -> Iterator[Change]:
    by_day = defaultdict(list)
    for each in allocations:
        by_day[keys.day(user_id, each.record.timestamp.date(), each.record.facility_id)].append(each)
    return (Change(key, add=_counters(those)) for key, those in by_day.items())


def _transactions(allocations: Iterable[Allocation]) -> Iterator[list[Allocation]]:
    """Split postings into what one transaction can take: of one period and month, corrections by themselves.

    Corrections come last, so that what they take back has been counted before them.
    """
    groups: dict[object, list[Allocation]] = defaultdict(list)
    for each in allocations:
        kind = (keys.period_id(each.period), each.record.billing_month, each.unbilled, each.counts)
        groups[kind if each.record.quantity > 0 else each.record.id].append(each)
    for group in sorted(groups.values(), key=lambda group: group[0].record.quantity < 0):
        together: list[Allocation] = []
        days: set[Key] = set()
        for each in group:
            day = keys.day(each.record.user_id, each.record.timestamp.date(), each.record.facility_id)
            if len(together) + 1 + len(days | {day}) + OTHER_WRITES > MOST_WRITES:
                yield together
                together, days = [], set()
            together.append(each)
            days.add(day)
        yield together


def _without_refused(
    allocations: Sequence[Allocation], cancelled: TransactionCancelledError, tally: Tally
) -> list[Allocation]:
    """Return the postings that are still to be written after a cancelled transaction.

    Raises:
        _PeriodClosedError: what is left belongs to another period.
    """
    markers, others = cancelled.refused[: len(allocations)], cancelled.refused[len(allocations) :]
    left = []
    for each, refused in zip(allocations, markers, strict=True):
        if refused.row is not None:
            _known(each.record, record_rows.record(refused.row), tally)
        else:
            left.append(each)
    period = next((each for each in others if each.by_condition), None)
    if not left or period is None:
        return left
    if period.row is not None and "closedAt" in period.row:
        raise _PeriodClosedError(left)
    tally.refused += [(each.record, Refusal.BELOW_ZERO) for each in left]
    return []


def _known(record: UsageRecord, counted: UsageRecord, tally: Tally) -> None:
    """Note a record whose id was counted before: the same fact again, or another under its name."""
    if record.states_the_same_as(counted):
        tally.duplicates.append(record)
    else:
        tally.refused.append((record, Refusal.CONFLICT))


def _sums(allocations: Iterable[Allocation]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for each in allocations:
        sums[each.record.metric] += each.record.quantity
    return sums


def _counters(allocations: Iterable[Allocation]) -> dict[str, int]:
    return {USED + metric: quantity for metric, quantity in _sums(allocations).items()}
