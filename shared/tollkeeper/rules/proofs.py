"""A period derived anew from its records, beside what was closed and billed (DESIGN rule 13)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tollkeeper.rules.bills import Bill
from tollkeeper.rules.charges import Charge
from tollkeeper.rules.digests import is_unchanged
from tollkeeper.rules.invoices import Invoice, InvoiceLine, InvoiceStatus
from tollkeeper.rules.overage import Overage, billable, overage
from tollkeeper.rules.periods import Period
from tollkeeper.rules.reconciling import Drift, drifts, line_drifts


class Evidence(NamedTuple):
    """A record as its period lists it, and how it was counted.

    `released` is what of it was taken back. One that does not `count` is only shown. `marker` is what the
    record's own row says, metric and quantity; None where there is no row.
    """

    id: str
    metric: str
    quantity: int
    released: int = 0
    counts: bool = True
    marker: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class RecordSums:
    """What the records of one metric come to: `used + corrected − released = total`.

    `records` says how many count; `shown` is what is listed without counting.
    """

    records: int = 0
    used: int = 0
    corrected: int = 0
    released: int = 0
    shown: int = 0

    @property
    def total(self) -> int:
        """What counts."""
        return self.used + self.corrected - self.released


@dataclass(frozen=True, slots=True)
class Proved:
    """One metric of a period: the records' sums, the row's counter, the reckoning, the charge and the lines.

    `over` is what is beyond the limit and `due` what of it is billed, by the records; None of a metric
    without a price.
    """

    metric: str
    sums: RecordSums
    row: int
    limit: int
    incurred: int
    over: Overage | None
    due: Overage | None
    charge: Charge | None
    lines: Sequence[InvoiceLine]


@dataclass(frozen=True, slots=True)
class Proof:
    """A period, its metrics, and in sentences what does not agree."""

    period: Period
    bill: Bill | None
    metrics: Sequence[Proved]
    differences: Sequence[str]


def prove(
    deployment: str,
    user_id: str,
    period: Period,
    bill: Bill | None,
    invoices: Sequence[Invoice],
    evidence: Iterable[Evidence],
    *,
    markers_are_kept: bool,
) -> Proof:
    """Derive a period's counters from its records alone, and hold row, charges and lines against them.

    The terms, the cap and what was incurred are the row's, which its digest vouches for. `markers_are_kept`
    says that no record is so old that its own row is gone.
    """
    found = [*evidence]
    sums = _sums(found)
    used = {metric: each.total for metric, each in sums.items()}
    derived = replace(period, used={**dict.fromkeys(period.used, 0), **used}, digest=None)
    over, due = overage(derived), billable(derived)
    charged = {each.metric: each for each in (bill.charges if bill else None) or ()}
    metrics = [
        Proved(
            metric=metric,
            sums=sums.get(metric, RecordSums()),
            row=period.used.get(metric, 0),
            limit=period.terms.limit(metric),
            incurred=period.incurred.get(metric, 0),
            over=over.get(metric),
            due=due.get(metric),
            charge=charged.get(metric),
            lines=[*_lines(charged.get(metric), invoices)],
        )
        for metric in sorted({*period.used, *sums, *charged})
    ]
    differences = [
        *_of_records(found, markers_are_kept=markers_are_kept),
        *_of_counters(metrics),
        *_of_charges(deployment, user_id, derived, bill),
        *(f"{each.metric}: {each.kind}: {each.expected}, not {each.found}" for each in _at(bill, invoices)),
    ]
    if not is_unchanged(period):
        differences.append("the row was changed since it closed: its digest is another")
    return Proof(period, bill, metrics, differences)


def _sums(evidence: Iterable[Evidence]) -> Mapping[str, RecordSums]:
    found: dict[str, Counter[str]] = {}
    for each in evidence:
        sums = found.setdefault(each.metric, Counter())
        if not each.counts:
            sums["shown"] += each.quantity
            continue
        sums["records"] += 1
        sums["corrected" if each.quantity < 0 else "used"] += each.quantity
        sums["released"] += each.released
    return {metric: RecordSums(**sums) for metric, sums in found.items()}


def _of_records(evidence: Sequence[Evidence], *, markers_are_kept: bool) -> Iterator[str]:
    """Say what is wrong with the list of records: one listed twice, or without its own row, or as another."""
    for record_id, times in Counter(each.id for each in evidence).items():
        if times > 1:
            yield f"the record {record_id} is listed {times} times"
    for each in evidence:
        if each.marker is None and markers_are_kept:
            yield f"the record {each.id} is listed, and has no row of its own"
        elif each.marker not in (None, (each.metric, each.quantity)):
            yield f"the record {each.id} is listed as {each.quantity} of {each.metric}, and its row differs"


def _of_counters(metrics: Iterable[Proved]) -> Iterator[str]:
    for each in metrics:
        if each.sums.total != each.row:
            yield f"{each.metric}: the records come to {each.sums.total}, the row says {each.row}"


def _of_charges(deployment: str, user_id: str, derived: Period, bill: Bill | None) -> Iterator[str]:
    """Say where what the records owe is not what was frozen; of a period that is open nothing was."""
    if derived.closed_at is None:
        return
    for each in drifts(deployment, user_id, derived, bill):
        yield f"{each.metric}: the records owe {each.expected}, the charge is {each.found}"


def _at(bill: Bill | None, invoices: Sequence[Invoice]) -> Iterator[Drift]:
    return line_drifts(bill, invoices) if bill else iter(())


def _lines(charge: Charge | None, invoices: Sequence[Invoice]) -> Iterator[InvoiceLine]:
    for invoice in invoices:
        if charge and invoice.status is not InvoiceStatus.DRAFT:
            yield from invoice.by_charge.get(charge.id, [])
