"""What must hold of a month that has ended, wherever its invoices are: at the fake or at the stand-in.

What the period owes is reckoned again by the model of counting, which shares no code; what became of it is
read from the invoices. A charge stands once on a final invoice, to the cent, or an audited waiver, voiding or
write-off says why it does not.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.ledger.model import CENTS, Stretch
from tollkeeper.rules.bills import Bill, State
from tollkeeper.rules.charges import Charge
from tollkeeper.rules.invoices import InvoiceLine
from tollkeeper.rules.periods import Period


@dataclass(frozen=True)
class Ended:
    """A month as it ended.

    `final` are the lines that somebody is asked to pay, `left` those on drafts. People had a hand at the
    lines of the charges in `touched`; where they `edited` one, nothing but the count is certain. `waiting` is
    how much of it is in the index yet.
    """

    period: Period
    bill: Bill
    audited: Counter[str]
    final: Sequence[InvoiceLine]
    left: Sequence[InvoiceLine]
    touched: set[str]
    waiting: int
    edited: bool = False
    has_customer: bool = True


def owed(period: Period) -> Counter[str]:
    """Reckon what a closed period owes by the model of counting, in units."""
    model = Stretch("sub_ada", period.start, period.end, period.terms.plan, cap=period.spending_cap)
    model.used.update(period.used)
    model.frozen.update(period.incurred)
    model.forgiven.update(period.beyond)
    return model.billed()


def never_twice(lines: Iterable[InvoiceLine]) -> None:
    """See that no charge stands twice on what is, or may become, an invoice that somebody is asked to pay."""
    found = Counter(line.charge_id for line in lines)
    assert {} == {charge: number for charge, number in found.items() if number > 1}


def judge(month: Ended) -> None:
    """See of each charge that it stands once on a final invoice, or why it does not."""
    bill, charges = month.bill, month.bill.charges or ()
    assert owed(month.period) == Counter({each.metric: each.quantity for each in charges})
    assert all(each.amount == each.quantity * CENTS[each.metric] for each in charges)
    assert bill.is_final or month.edited, bill
    for charge in charges:
        _judge(month, charge)
    if bill.is_final:
        assert 0 == month.waiting


def _judge(month: Ended, charge: Charge) -> None:
    bill = month.bill
    final, left = (
        [line for line in lines if line.charge_id == charge.id] for lines in (month.final, month.left)
    )
    assert len(final) <= 1
    assert not left or bill.state is State.WRITTEN_OFF or month.edited
    if charge.id in bill.waived:
        assert (0, True) == (len(final), charge.id in month.touched)
        assert month.audited["OVERAGE_WAIVED"]
    elif final and not month.edited:
        ((line),) = final
        assert charge.quantity == line.quantity
        assert abs(charge.amount - line.amount) <= 1
        assert State.AGREED is bill.state
        assert month.audited["OVERAGE_CHARGED"]
    elif not month.edited:
        _explained(month, charge)


def _explained(month: Ended, charge: Charge) -> None:
    """See that what nobody is asked to pay was voided by a person, or written off."""
    if month.bill.state is State.VOIDED:
        assert charge.id in month.touched
        assert month.audited["OVERAGE_VOIDED"]
    else:
        assert State.WRITTEN_OFF is month.bill.state
        assert not month.has_customer or month.bill.is_own is False
        assert month.audited["OVERAGE_WRITTEN_OFF"]
