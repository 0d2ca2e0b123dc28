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

from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.accounts import Accounts
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.rows import USED, Item, marshal
from tollkeeper.ledger.table import (
    CONDITION_FAILED,
    MOST_WRITES,
    Table,
    TransactionCancelledError,
    UnavailableError,
    Write,
)
from tollkeeper.rules.accounts import Posting, posting
from tollkeeper.rules.audit import Action, AuditEntry
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.usage import Refusal, UsageRecord, merge


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

    def __init__(self, postings: Sequence[Posting]) -> None:
        super().__init__()
        self.postings = postings


class Counting:
    """Counts usage records."""

    def __init__(self, table: Table, offer: Offer) -> None:
        self._table = table
        self._accounts = Accounts(table)
        self._offer = offer

    def count(
        self,
        user_id: str,
        records: Sequence[UsageRecord],
        *,
        now: datetime,
        patience: Patience,
        redelivered: bool = False,
    ) -> Tally:
        """Count what of a user's records is not counted yet.

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
        while pending:
            account = self._accounts.read(user_id, since=min(record.timestamp for record in pending))
            postings = [posting(account, record, now, self._offer) for record in pending]
            pending = []
            for together in _transactions(postings):
                try:
                    self._write(user_id, together, now, patience, tally)
                except _PeriodClosedError as closed:
                    pending += [each.record for each in closed.postings]
        return tally

    def _without_known(self, records: Sequence[UsageRecord], tally: Tally) -> list[UsageRecord]:
        wanted = {keys.record(record.user_id, record.id): record for record in records}
        for item in self._table.get_all(wanted):
            record = wanted.pop(keys.Key(item["pk"]["S"], item["sk"]["S"]))
            _known(record, rows.record(item), tally)
        return list(wanted.values())

    def _write(
        self, user_id: str, postings: list[Posting], now: datetime, patience: Patience, tally: Tally
    ) -> None:
        attempt = 0
        while postings:
            try:
                self._table.transact(self._writes(user_id, postings, now))
            except TransactionCancelledError as cancelled:
                postings = _without_refused(postings, cancelled, tally)
                if cancelled.only_by_condition:
                    continue
            except UnavailableError:
                pass  # Whether it was written is unknown; if so, the markers will say it.
            else:
                tally.counted += [each.record for each in postings]
                return
            patience.wait(attempt)
            attempt += 1

    def _writes(self, user_id: str, postings: Sequence[Posting], now: datetime) -> list[Write]:
        """Return one transaction: the markers in the order of the postings, then what they add up to."""
        first = postings[0]
        page = keys.page(user_id, first.period, now, uuid4().hex)
        writes = [self._marker(each) for each in postings]
        if first.counts:
            writes.append(self._period(user_id, postings))
        writes.append(self._table.put(page, rows.page_item([each.record for each in postings])))
        writes += self._days(user_id, postings)
        if first.unbilled:
            writes.append(self._audit(user_id, postings, now, page.sk))
        return writes

    def _marker(self, of: Posting) -> Write:
        item = rows.record_item(of.record, keys.period_id(of.period), late=of.late, unbilled=of.unbilled)
        return self._table.put(keys.record(of.record.user_id, of.record.id), item)

    def _period(self, user_id: str, postings: Sequence[Posting]) -> Write:
        period = postings[0].period
        begun = {
            name: value for name, value in rows.period_bounds(user_id, period).items() if value is not None
        }
        sums, arguments = _additions(postings)
        condition = "attribute_not_exists(closedAt)"
        correction = postings[0].record
        if correction.quantity < 0:
            condition += f" AND {USED}{correction.metric} >= :least"
            arguments |= marshal({":least": -correction.quantity})
        return self._table.update(
            keys.period(user_id, period),
            "SET " + ", ".join(f"{name} = if_not_exists({name}, :{name})" for name in begun) + sums,
            arguments | marshal({f":{name}": value for name, value in begun.items()}),
            condition=condition,
        )

    def _days(self, user_id: str, postings: Sequence[Posting]) -> Iterator[Write]:
        by_day = defaultdict(list)
        for each in postings:
            by_day[keys.day(user_id, each.record.timestamp, each.record.facility_id)].append(each)
        for key, those in by_day.items():
            expression, arguments = _additions(those)
            yield self._table.update(key, expression.strip(), arguments)

    def _audit(self, user_id: str, postings: Sequence[Posting], now: datetime, page: str) -> Write:
        details = {"after": {metric: str(quantity) for metric, quantity in _sums(postings).items()}}
        entry = AuditEntry(user_id, now, "tracker", Action.USAGE_UNBILLED, "usage", page, details)
        return self._table.put(keys.audit(user_id, now, uuid4().hex), rows.audit_item(entry))


def _transactions(postings: Iterable[Posting]) -> Iterator[list[Posting]]:
    """Split postings into what one transaction can take: of one period and month, corrections by themselves.

    Corrections come last, so that what they take back has been counted before them.
    """
    groups: dict[object, list[Posting]] = defaultdict(list)
    for each in postings:
        kind = (keys.period_id(each.period), each.record.billing_month, each.unbilled, each.counts)
        groups[kind if each.record.quantity > 0 else each.record.id].append(each)
    for group in sorted(groups.values(), key=lambda group: group[0].record.quantity < 0):
        together: list[Posting] = []
        days: set[keys.Key] = set()
        for each in group:
            day = keys.day(each.record.user_id, each.record.timestamp, each.record.facility_id)
            if len(together) + 1 + len(days | {day}) + OTHER_WRITES > MOST_WRITES:
                yield together
                together, days = [], set()
            together.append(each)
            days.add(day)
        yield together


def _without_refused(
    postings: Sequence[Posting], cancelled: TransactionCancelledError, tally: Tally
) -> list[Posting]:
    """Return the postings that are still to be written after a cancelled transaction.

    Raises:
        _PeriodClosedError: what is left belongs to another period.
    """
    markers, others = cancelled.reasons[: len(postings)], cancelled.reasons[len(postings) :]
    left = []
    for each, reason in zip(postings, markers, strict=True):
        if reason.code == CONDITION_FAILED and reason.item is not None:
            _known(each.record, rows.record(reason.item), tally)
        else:
            left.append(each)
    refusal = next((reason for reason in others if reason.code == CONDITION_FAILED), None)
    if not left or refusal is None:
        return left
    if refusal.item is not None and "closedAt" in refusal.item:
        raise _PeriodClosedError(left)
    tally.refused += [(each.record, Refusal.BELOW_ZERO) for each in left]
    return []


def _known(record: UsageRecord, counted: UsageRecord, tally: Tally) -> None:
    """Note a record whose id was counted before: the same fact again, or another under its name."""
    if record.states_the_same_as(counted):
        tally.duplicates.append(record)
    else:
        tally.refused.append((record, Refusal.CONFLICT))


def _sums(postings: Iterable[Posting]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for each in postings:
        sums[each.record.metric] += each.record.quantity
    return sums


def _additions(postings: Iterable[Posting]) -> tuple[str, Item]:
    """Return the part of an update that adds postings to a row's counters, and its arguments."""
    sums = _sums(postings)
    expression = " ADD " + ", ".join(f"{USED}{metric} :add_{metric}" for metric in sums)
    return expression, marshal({f":add_{metric}": quantity for metric, quantity in sums.items()})
