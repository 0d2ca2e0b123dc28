"""Whether a closed period's row, its charges and the lines of invoices are one number (DESIGN rule 13)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tollkeeper.rules.bills import CENT, Bill, State
from tollkeeper.rules.charges import Charge, charges
from tollkeeper.rules.digests import is_unchanged
from tollkeeper.rules.invoices import Invoice, InvoiceLine, InvoiceStatus
from tollkeeper.rules.periods import Period


class DriftKind(StrEnum):
    """What does not agree."""

    DIGEST_CHANGED = "digest_changed"
    """The period's row is not what it was when the period closed."""
    ROW_DIFFERS = "row_differs_from_charges"
    """The row owes something else than the charges that were frozen."""
    LINE_DIFFERS = "charge_differs_from_line"
    """A line says another quantity or amount than its charge."""
    LINE_MISSING = "line_missing"
    """A charge stands on no final invoice, and nobody has waived it."""
    LINE_DOUBLED = "line_doubled"
    """A charge stands on invoices more than once."""
    LINE_UNDUE = "line_undue"
    """An invoice has a line of a charge that is not due."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One disagreement: of which metric, and what was to be found where something else was."""

    kind: DriftKind
    metric: str | None
    expected: str
    found: str


def drifts(deployment: str, user_id: str, period: Period, bill: Bill | None) -> Iterator[Drift]:
    """Return where the ledger disagrees with itself about a closed period: row, digest and charges."""
    if not is_unchanged(period):
        yield Drift(DriftKind.DIGEST_CHANGED, None, "the row as it closed", "a row that was changed since")
    owed = {each.metric: each for each in charges(deployment, user_id, period)}
    frozen = {each.metric: each for each in (bill.charges if bill else None) or ()}
    for metric in {**owed, **frozen}:
        expected, found = owed.get(metric), frozen.get(metric)
        if expected is None or found is None or _due(expected) != _due(found):
            yield Drift(DriftKind.ROW_DIFFERS, metric, _said(expected), _said(found))


def line_drifts(bill: Bill, invoices: Sequence[Invoice]) -> Iterator[Drift]:
    """Return where an agreed bill's charges and the lines of its customer's invoices disagree.

    `invoices` are all that were made since the period ended. A line on a draft counts as well, for it will be
    asked to be paid; one on an invoice that a person voided counts if it is the bill's own line.
    """
    if bill.state is not State.AGREED:
        return
    lines = _by_charge(bill, invoices)
    for charge in bill.charges or ():
        found = lines.get(charge.id, [])
        if charge.id in bill.waived:
            if found:
                yield Drift(DriftKind.LINE_UNDUE, charge.metric, "no line: it was waived", _lines(found))
        elif len(found) > 1:
            yield Drift(DriftKind.LINE_DOUBLED, charge.metric, _said(charge), _lines(found))
        elif not found:
            yield Drift(DriftKind.LINE_MISSING, charge.metric, _said(charge), "no line")
        elif found[0].quantity != charge.quantity or abs(found[0].amount - charge.amount) > CENT:
            yield Drift(DriftKind.LINE_DIFFERS, charge.metric, _said(charge), _lines(found))
    known = {each.id for each in bill.charges or ()}
    own = next((each for each in invoices if each.id == bill.invoice_id), None)
    for line in own.lines if own else ():
        if line.charge_id not in known:
            yield Drift(DriftKind.LINE_UNDUE, None, "no line", _lines([line]))


def dangers(draft: Invoice) -> Iterator[str]:
    """Return, in sentences, why a draft's overage would not come to what is owed, or to nobody."""
    cents = sum(line.amount for line in draft.lines)
    if not draft.advances:
        yield f"{draft.id} has {cents} cents of overage, and does not advance by itself"
    taken_off = sum(line.discount for line in draft.lines)
    if taken_off or any(line.discountable for line in draft.lines):
        yield f"a coupon takes {taken_off} of {cents} cents of overage off on {draft.id}, or may"


def decisions(
    bill: Bill | None, invoices: Sequence[Invoice], refunded: Mapping[str, int] | None = None
) -> Iterator[str]:
    """Return what people decided about a bill: it is shown beside its charges, and never undone.

    `refunded` is what was paid back of invoices' payments, in cents, with or without a credit note.
    """
    if bill is None:
        return
    if bill.state in {State.VOIDED, State.WRITTEN_OFF}:
        yield bill.state.value.replace("_", " ")
    for charge in bill.charges or ():
        if charge.id in bill.waived:
            yield f"{charge.metric} waived"
    for each in invoices:
        if each.id == bill.invoice_id:
            yield from _decided_on(each, refunded.get(each.id, 0) if refunded else 0)


def _decided_on(invoice: Invoice, refunded: int) -> Iterator[str]:
    if invoice.status in {InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE}:
        yield f"{invoice.id} is {invoice.status}"
    if invoice.credited:
        yield f"{invoice.credited} cents credited on {invoice.id}"
    if refunded:
        yield f"{refunded} cents refunded of {invoice.id}"
    if taken_off := sum(line.discount for line in invoice.lines):
        yield f"a coupon takes {taken_off} cents of overage off on {invoice.id}"


def _by_charge(bill: Bill, invoices: Sequence[Invoice]) -> Mapping[str, list[InvoiceLine]]:
    found: dict[str, list[InvoiceLine]] = {}
    for invoice in invoices:
        if invoice.status is not InvoiceStatus.VOID or invoice.id == bill.invoice_id:
            for line in invoice.lines:
                found.setdefault(line.charge_id, []).append(line)
    return found


def _due(of: Charge) -> tuple[str, int, int]:
    return of.id, of.quantity, of.amount


def _said(of: Charge | None) -> str:
    return f"{of.quantity} for {of.amount} cents" if of else "nothing"


def _lines(found: Sequence[InvoiceLine]) -> str:
    return " and ".join(f"{each.quantity} for {each.amount} cents" for each in found)
