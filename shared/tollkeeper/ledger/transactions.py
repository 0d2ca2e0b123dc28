"""The transactions that count usage: which records go together, and all that is written with them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from tollkeeper.ledger import entry_rows, keys, open_rows, record_rows
from tollkeeper.ledger.day_marks import Marks
from tollkeeper.ledger.lines import Line
from tollkeeper.ledger.listing import FEW, apart, listing
from tollkeeper.ledger.rows import USED
from tollkeeper.ledger.table import MOST_WRITES, Change, Condition, Is, Key, Put, Row, Write
from tollkeeper.rules.allocation import Allocation
from tollkeeper.rules.audit import Action, AuditEntry

OTHER_WRITES = 3
"""The period, a page and perhaps an audit entry, beside the records and the days."""


def may_be_in_row(allocations: Sequence[Allocation]) -> bool:
    """Whether one transaction's records may be listed in their period's row: a few, counted as usual."""
    usual = all(each.counts and not each.late and each.record.quantity > 0 for each in allocations)
    return len(allocations) <= FEW and usual


def writes(
    allocations: Sequence[Allocation],
    now: datetime,
    refusals: Mapping[str, str],
    row: Row | None,
    marks: Marks,
    lifetime: timedelta,
) -> list[Write]:
    """Return one transaction: the records in the order of the allocations, then all that they add up to.

    `refusals` say what consuming wrote under the ids of those that it refused. `row` is the period's as it
    was read, empty if there is none yet; None lists the records apart from it. `marks` are of these records
    and that row. The records are kept for `lifetime`.
    """
    first = allocations[0]
    user_id = first.record.user_id
    writes: list[Write] = [
        record_rows.counted(
            each.record,
            now,
            refusals.get(each.record.id),
            lifetime=lifetime,
            due=marks.due.get(each.record.id),
            late=each.late,
            unbilled=each.unbilled,
            dropped=not each.counts,
        )
        for each in allocations
    ]
    period, lines = (
        replace(_period(allocations), set=marks.noted),
        [Line.of(each.record) for each in allocations],
    )
    listed = apart(period.key, lines, now) if row is None else listing(period.key, lines, row, period, now)
    writes += [listed.within(period), *listed.beside]
    if first.unbilled:
        units = {metric: str(quantity) for metric, quantity in _sums(allocations).items()}
        page = listed.beside[0].key.sk
        entry = AuditEntry(user_id, now, "tracker", Action.USAGE_UNBILLED, "usage", page, {"after": units})
        writes.append(Put(keys.audit(user_id, now, uuid4().hex), entry_rows.audit_entry(entry)))
    return writes


def _period(allocations: Sequence[Allocation]) -> Change:
    """Return the change of the period. What is only shown begins it too, since pages are found by periods."""
    first = allocations[0]
    conditions = open_rows.takes(first.period)
    if first.counts and first.record.quantity < 0:
        conditions.append(Condition(USED + first.record.metric, Is.AT_LEAST, -first.record.quantity))
    return Change(
        keys.period(first.record.user_id, first.period),
        begin=open_rows.begins(first.period),
        add={USED + metric: units for metric, units in _sums(allocations).items()} if first.counts else {},
        only_if=conditions,
    )


def transactions(allocations: Iterable[Allocation]) -> Iterator[list[Allocation]]:
    """Split allocations into what one transaction can take: of one period and month, corrections alone.

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


def _sums(allocations: Iterable[Allocation]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for each in allocations:
        sums[each.record.metric] += each.record.quantity
    return sums
