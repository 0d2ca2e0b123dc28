"""What comes next for a bill, by what was just read at Stripe (DESIGN rules 11 and 12).

Pure functions: who reads, calls and writes is `tollkeeper.periods.charging`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tollkeeper.rules.bills import (
    CENT,
    FINAL_TIME,
    LAST_HOURS,
    LONGEST_WAIT_FOR_DRAFT,
    SHOWN_WITHIN,
    SOONEST_RELEASE,
    STEP_TIME,
    STRIPES_OWN_HOUR,
    Apart,
    Bill,
    Call,
    Policy,
    State,
    Step,
    Wait,
)
from tollkeeper.rules.invoices import Invoice, InvoiceStatus, Renewal

SOON = timedelta(minutes=5)
LATER = timedelta(minutes=15)
A_DAY = timedelta(days=1)
A_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """A bill's own invoices at Stripe, the oldest first, and whether there is a customer to charge."""

    own: Sequence[Invoice]
    has_customer: bool


LINES_WERE_SEEN = frozenset({State.CHARGED, State.RELEASED, State.AGREED})
"""States that are entered only when the lines were read on the invoice."""

type Seen = Renewal | Opening | Invoice | None
"""What was read for a step: for `owed` the renewal, for `opening` what there is, else the bill's invoice."""


def next_step(bill: Bill, seen: Seen, policy: Policy, now: datetime) -> Step:
    """Return what comes next for a bill."""
    match seen:
        case Renewal():
            return _owed(bill, seen, policy, now)
        case Opening():
            return _opening(bill, seen, now)
        case None:
            return _gone(bill, policy, now)
        case Invoice(status=InvoiceStatus.DRAFT):
            return _on_draft(bill, seen, policy, now)
        case Invoice(status=InvoiceStatus.VOID):
            return _on_void(bill, seen, policy, now)
        case _:
            return _on_final(bill, seen, policy, now)


def hold_until(invoice: Invoice, policy: Policy) -> datetime:
    """Return until when a draft is held."""
    return invoice.created + policy.hold


def release_at(invoice: Invoice, now: datetime) -> datetime:
    """Return when a draft is to be finalised: at Stripe's own hour, or in five minutes if that is later."""
    return max(invoice.created + STRIPES_OWN_HOUR, now + SOONEST_RELEASE)


def is_overdue(bill: Bill, now: datetime) -> bool:
    """Whether a bill has been in its state for so long that somebody must look."""
    if bill.is_final or bill.charges is None:
        return False
    if bill.state is State.RELEASED:
        return now - max(bill.since, bill.finalizes_at or bill.since) > FINAL_TIME
    return now - bill.since > STEP_TIME


def _owed(bill: Bill, renewal: Renewal, policy: Policy, now: datetime) -> Step:
    if bill.charges is not None and not bill.left:
        return _apart(bill, policy, now)
    if renewal.charged and renewal.charged.id not in bill.passed and _ours(bill, renewal.charged):
        # Before the ledger was restored. A draft that is stopped is rid of them, a final invoice decides.
        state = State.MOVING if renewal.charged.is_draft else State.BOUND
        return bill.moved(state, now, invoice_id=renewal.charged.id, is_own=False)
    if renewal.draft and renewal.draft.id not in bill.passed:
        return bill.moved(State.BOUND, now, invoice_id=renewal.draft.id, is_own=False)
    if bill.charges is None:
        return Wait(now + LATER)
    if renewal.is_awaited and now < bill.period_end + LONGEST_WAIT_FOR_DRAFT:
        return Wait(now + SOON)
    return _apart(bill, policy, now)


def _opening(bill: Bill, opening: Opening, now: datetime) -> Step:
    made = next((each for each in opening.own if each.id not in bill.passed), None)
    if made:
        return bill.moved(State.BOUND, now, invoice_id=made.id, is_own=True)
    if not opening.has_customer:
        return bill.moved(State.WRITTEN_OFF, now)
    if bill.answered_at is None:
        return Call.OPEN
    # Stripe said yes, and there is none: a person deleted it before it was seen.
    shown_by = bill.answered_at + SHOWN_WITHIN
    return Wait(shown_by) if now < shown_by else replace(bill, attempt=bill.attempt + 1, answered_at=None)


def _on_draft(bill: Bill, invoice: Invoice, policy: Policy, now: datetime) -> Step:
    if not (invoice.advances or bill.is_own or bill.state is State.MOVING):
        return _stopped(bill, policy, now)
    match bill.state:
        case State.BOUND if not bill.is_own:
            return _to_be_held(bill, invoice, policy, now)
        case State.BOUND | State.HELD:
            return _to_be_charged(bill, invoice, now)
        case State.CHARGED:
            return _charged(bill, invoice, now)
        case State.RELEASED:
            return _released(bill, invoice, now)
        case _:
            return _moving(bill, invoice, policy, now)


def _to_be_held(bill: Bill, invoice: Invoice, policy: Policy, now: datetime) -> Step:
    """Return what comes next for a draft that Stripe would finalise too soon."""
    if bill.charges is not None and not bill.left:
        return bill.moved(State.CHARGED, now)
    if invoice.finalizes_at and invoice.finalizes_at >= hold_until(invoice, policy) - A_MINUTE:
        return bill.moved(State.HELD, now, finalizes_at=invoice.finalizes_at)
    return Call.HOLD


def _to_be_charged(bill: Bill, invoice: Invoice, now: datetime) -> Step:
    """Return what comes next for a draft that stays one until its lines are on it."""
    if bill.charges is None:
        return Wait(now + LATER)
    missing = _missing(bill, invoice)
    if not missing:
        return bill.moved(State.CHARGED, now, finalizes_at=invoice.finalizes_at)
    if bill.answered_at is None and len(missing) == len(bill.left):
        return Call.ADD
    shown_by = (bill.answered_at or bill.since) + SHOWN_WITHIN
    return Wait(shown_by) if now < shown_by else _waived(bill.moved(State.CHARGED, now), missing)


def _charged(bill: Bill, invoice: Invoice, now: datetime) -> Step:
    if missing := _missing(bill, invoice):
        return _waived(bill, missing)
    if trouble := _difference(bill, invoice):
        runs_out = invoice.finalizes_at is not None and now >= invoice.finalizes_at - LAST_HOURS
        stays = bill.is_own or _is_edited(bill, invoice) or not runs_out
        return Wait(now + LATER, trouble) if stays else bill.moved(State.MOVING, now)
    if not bill.is_own and _is_released(invoice, now):
        return bill.moved(State.RELEASED, now, finalizes_at=invoice.finalizes_at)
    return Call.RELEASE


def _released(bill: Bill, invoice: Invoice, now: datetime) -> Step:
    if missing := _missing(bill, invoice):
        return _waived(bill, missing)
    if bill.is_own or not _is_released(invoice, now):
        return Call.RELEASE  # an answer was lost, or a hold came late
    return Wait(max(now + SOON, (invoice.finalizes_at or now) + SOON))


def _moving(bill: Bill, invoice: Invoice, policy: Policy, now: datetime) -> Step:
    """Return what comes next for a draft that is left: what was sent to it unanswered may yet land there."""
    if _ours(bill, invoice):
        return Call.REMOVE
    settled_by = bill.since + SHOWN_WITHIN
    return Wait(settled_by) if now < settled_by else _passed(bill, policy, now)


def _stopped(bill: Bill, policy: Policy, now: datetime) -> Step:
    """Return what comes next where a draft will not be collected: nothing of ours may stay on it."""
    if bill.charges is None or bill.state is State.BOUND:
        return _passed(bill, policy, now)
    return bill.moved(State.MOVING, now)


def _on_final(bill: Bill, invoice: Invoice, policy: Policy, now: datetime) -> Step:
    """Return what comes next where an invoice is final: its lines decide."""
    if bill.state is State.AGREED:
        return bill
    was_charged = bill.state in LINES_WERE_SEEN or bill.answered_at is not None
    if bill.charges is None or (bill.left and not was_charged and not _ours(bill, invoice)):
        return _passed(bill, policy, now)
    if missing := _missing(bill, invoice):
        shown_by = (bill.answered_at or bill.since) + SHOWN_WITHIN
        is_fresh = bill.state not in LINES_WERE_SEEN and now < shown_by
        return Wait(shown_by) if is_fresh else _waived(bill, missing)
    if trouble := _difference(bill, invoice):
        return Wait(now + A_DAY, trouble)
    return bill.moved(State.AGREED if bill.left or not bill.charges else State.WAIVED, now)


def _on_void(bill: Bill, invoice: Invoice, policy: Policy, now: datetime) -> Step:
    was_charged = bill.state in LINES_WERE_SEEN or bill.answered_at is not None
    if bill.left and (was_charged or _ours(bill, invoice)):
        return bill.moved(State.VOIDED, now)
    return _passed(bill, policy, now)


def _gone(bill: Bill, policy: Policy, now: datetime) -> Step:
    """Return what comes next where an invoice was deleted, and with it whatever stood on it."""
    was_charged = bill.state in LINES_WERE_SEEN or bill.answered_at is not None
    if bill.left and was_charged:
        bill = _waived(bill, [each.id for each in bill.left])
    return _passed(bill, policy, now)


def _passed(bill: Bill, policy: Policy, now: datetime) -> Step:
    """Leave an invoice that has none of the lines, and cannot get them any more."""
    left = replace(bill, passed=(*bill.passed, str(bill.invoice_id)), invoice_id=None)
    return left.moved(State.OWED, now) if bill.charges is None else _apart(left, policy, now)


def _apart(bill: Bill, policy: Policy, now: datetime) -> Bill:
    if not bill.left:
        return bill.moved(State.WAIVED if bill.charges else State.AGREED, now)
    if policy.apart is Apart.WRITE_OFF:
        return bill.moved(State.WRITTEN_OFF, now)
    return bill.moved(State.OPENING, now, is_own=True)


def _waived(bill: Bill, missing: Sequence[str]) -> Bill:
    """Note that a person took lines off that had been there: they are never made again."""
    return replace(bill, waived=bill.waived | {*missing})


def _is_released(invoice: Invoice, now: datetime) -> bool:
    return invoice.finalizes_at is not None and invoice.finalizes_at <= release_at(invoice, now)


def _ours(bill: Bill, invoice: Invoice) -> list[str]:
    """Return the ids of the lines that are charges of this bill."""
    wanted = {each.id for each in bill.charges or ()}
    return [line.id for line in invoice.lines if line.charge_id in wanted]


def _missing(bill: Bill, invoice: Invoice) -> list[str]:
    """Return the charges that have no line."""
    return [each.id for each in bill.left if each.id not in invoice.by_charge]


def _is_edited(bill: Bill, invoice: Invoice) -> bool:
    """Whether a line says another quantity than it was made with: no one but a person does that."""
    due = {each.id: each.quantity for each in bill.left}
    lone = (lines[0] for lines in invoice.by_charge.values() if len(lines) == 1)
    return any(due.get(line.charge_id, line.quantity) != line.quantity for line in lone)


def _difference(bill: Bill, invoice: Invoice) -> str | None:
    """Say how the lines differ from the charges by more than a cent each; None if they agree."""
    found = invoice.by_charge
    for charge in bill.left:
        lines = found.get(charge.id, [])
        quantity, amount = sum(each.quantity for each in lines), sum(each.amount for each in lines)
        if len(lines) != 1 or quantity != charge.quantity or abs(amount - charge.amount) > CENT:
            return (
                f"{charge.metric}: {charge.quantity} for {charge.amount} cents are due, "
                f"{quantity} for {amount} cents stand in {len(lines)} lines of {invoice.id}"
            )
    return None
