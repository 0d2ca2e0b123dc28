"""What comes next for a bill: each state, with each thing that may be read for it."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests.examples import END, START
from tollkeeper.rules.bill_steps import A_DAY, LATER, SOON, Opening, Seen, is_overdue, next_step, release_at
from tollkeeper.rules.bills import Apart, Bill, Call, Policy, State, Step, Wait
from tollkeeper.rules.charges import Charge
from tollkeeper.rules.invoices import Invoice, InvoiceLine, InvoiceStatus, Renewal

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOW = END + 30 * MINUTE
HELD_UNTIL = END + 72 * HOUR
TICK = timedelta.resolution
POLICY = Policy()
WRITES_OFF = Policy(apart=Apart.WRITE_OFF)

CALLS = Charge("c-calls", "apiCalls", 500, Decimal(1), 500, used=1_500, included=1_000)
EXPORTS = Charge("c-exports", "exports", 10, Decimal(50), 500, used=60, included=50)
L_CALLS, L_EXPORTS = InvoiceLine("il_1", "c-calls", 500, 500), InvoiceLine("il_2", "c-exports", 10, 500)
BOTH = (L_CALLS, L_EXPORTS)

OWED = Bill("ada", "cus_ada", "sub_ada", START, END, State.OWED, END + 5 * MINUTE, (CALLS, EXPORTS), rev=1)
WAITING = replace(OWED, charges=None)
OPENING = replace(OWED, state=State.OPENING, is_own=True)


def on(state: State, **more: object) -> Bill:
    """Return the bill on the renewal's draft, in a state."""
    return replace(OWED, state=state, invoice_id="in_1", **more)  # type: ignore[arg-type]


def own(state: State, **more: object) -> Bill:
    """Return the bill on an invoice of its own, in a state."""
    return on(state, is_own=True, **more)


def draft(*lines: InvoiceLine, until: datetime | None = HELD_UNTIL, advances: bool = True) -> Invoice:
    """Return a draft with lines."""
    return Invoice("in_1", InvoiceStatus.DRAFT, advances, END, until, lines)


def final(*lines: InvoiceLine, status: InvoiceStatus = InvoiceStatus.PAID) -> Invoice:
    """Return a final invoice with lines."""
    return Invoice("in_1", status, advances=True, created=END, finalizes_at=None, lines=lines)


FRESH = draft(until=END + HOUR)
RELEASED_DRAFT = draft(*BOTH, until=END + HOUR)
STOPPED = draft(advances=False)
VOID = final(*BOTH, status=InvoiceStatus.VOID)
OWN_DRAFT = draft(until=None, advances=False)
OWN_CHARGED = draft(*BOTH, until=None, advances=False)
DOUBLED = (*BOTH, replace(L_CALLS, id="il_3"))
EDITED = (replace(L_CALLS, quantity=7, amount=7), L_EXPORTS)
A_CENT_OFF = (replace(L_CALLS, amount=501), replace(L_EXPORTS, amount=499))
TWO_CENTS_OFF = (replace(L_CALLS, amount=502), L_EXPORTS)
OTHERS = replace(L_CALLS, charge_id="c-of-another-period")
WAIVED = frozenset({"c-calls", "c-exports"})

type Expected = State | Call | datetime | str
"""The state that is written, the call that is made, or until when nothing is."""

TABLE: list[tuple[str, Bill, Seen, Expected]] = [
    # owed: the renewal's draft, or none
    ("a draft is bound", OWED, Renewal(FRESH), State.BOUND),
    ("a draft may still come", OWED, Renewal(is_awaited=True), NOW + SOON),
    ("none will come", OWED, Renewal(), State.OPENING),
    (
        "a draft that was left is not taken again",
        replace(OWED, passed=("in_1",)),
        Renewal(FRESH),
        State.OPENING,
    ),
    ("the final renewal has its lines", OWED, Renewal(charged=final(*BOTH)), State.BOUND),
    ("a stopped renewal has its lines", OWED, Renewal(charged=draft(*BOTH, advances=False)), State.MOVING),
    ("the final renewal has another's lines", OWED, Renewal(charged=final(OTHERS)), State.OPENING),
    ("nothing is owed after all", replace(OWED, charges=()), Renewal(FRESH), State.AGREED),
    ("all was waived", replace(OWED, waived=WAIVED), Renewal(FRESH), State.WAIVED),
    ("usage is waited for, without a draft", WAITING, Renewal(), NOW + LATER),
    ("usage is waited for, and there is a draft", WAITING, Renewal(FRESH), State.BOUND),
    # opening: an invoice of its own
    ("there is none yet", OPENING, Opening([], has_customer=True), Call.OPEN),
    ("there is one", OPENING, Opening([OWN_DRAFT], has_customer=True), State.BOUND),
    (
        "the one was left",
        replace(OPENING, passed=("in_1",)),
        Opening([OWN_DRAFT], has_customer=True),
        Call.OPEN,
    ),
    ("nobody is there", OPENING, Opening([], has_customer=False), State.WRITTEN_OFF),
    (
        "one was made, and is not seen yet",
        replace(OPENING, answered_at=NOW),
        Opening([], has_customer=True),
        NOW + 10 * MINUTE,
    ),
    (
        "one was made, and was deleted since",
        replace(OPENING, answered_at=NOW - 10 * MINUTE),
        Opening([], has_customer=True),
        "attempt 2",
    ),
    # bound to the renewal's draft
    ("it is to be held", on(State.BOUND), FRESH, Call.HOLD),
    ("it is held", on(State.BOUND), draft(), State.HELD),
    ("it is held but for a minute", on(State.BOUND), draft(until=HELD_UNTIL - MINUTE), State.HELD),
    ("it is held but for more", on(State.BOUND), draft(until=HELD_UNTIL - MINUTE - TICK), Call.HOLD),
    ("it is held while usage is waited for", on(State.BOUND, charges=None), FRESH, Call.HOLD),
    ("nothing is owed after all, and it was not held", on(State.BOUND, charges=()), FRESH, State.CHARGED),
    ("it was stopped", on(State.BOUND), STOPPED, State.OPENING),
    ("it was finalised before", on(State.BOUND), final(), State.OPENING),
    ("it was voided before", on(State.BOUND), final(status=InvoiceStatus.VOID), State.OPENING),
    ("it is gone", on(State.BOUND), None, State.OPENING),
    ("it is gone while usage is waited for", on(State.BOUND, charges=None), None, State.OWED),
    ("it was finalised while usage was waited for", on(State.HELD, charges=None), final(), State.OWED),
    ("it was stopped while usage was waited for", on(State.HELD, charges=None), STOPPED, State.OWED),
    # held
    ("the lines are to be added", on(State.HELD), draft(), Call.ADD),
    ("usage is waited for", on(State.HELD, charges=None), draft(), NOW + LATER),
    ("nothing is owed after all", on(State.HELD, charges=()), draft(), State.CHARGED),
    ("the lines are there", on(State.HELD), draft(*BOTH), State.CHARGED),
    ("Stripe said yes just now", on(State.HELD, answered_at=NOW), draft(), NOW + 10 * MINUTE),
    ("Stripe said yes, and they were taken off", on(State.HELD, answered_at=END), draft(), "waived 2"),
    ("one of them is there", on(State.HELD, since=END), draft(L_CALLS), "waived 1"),
    ("it was stopped, and lines may be under way", on(State.HELD), STOPPED, State.MOVING),
    ("it was finalised without the lines", on(State.HELD), final(), State.OPENING),
    ("it was finalised with the lines", on(State.HELD), final(*BOTH), State.AGREED),
    ("it was finalised, Stripe just said yes", on(State.HELD, answered_at=NOW), final(), NOW + 10 * MINUTE),
    ("it was finalised, Stripe had said yes", on(State.HELD, answered_at=END), final(), "waived 2"),
    ("it was voided with the lines", on(State.HELD), VOID, State.VOIDED),
    # charged
    ("it is to be released", on(State.CHARGED), draft(*BOTH), Call.RELEASE),
    ("it is released", on(State.CHARGED), RELEASED_DRAFT, State.RELEASED),
    ("a cent off each is Stripe's own affair", on(State.CHARGED), draft(*A_CENT_OFF), Call.RELEASE),
    ("two cents off stay and ring", on(State.CHARGED), draft(*TWO_CENTS_OFF), NOW + LATER),
    ("doubled lines stay and ring", on(State.CHARGED), draft(*DOUBLED), NOW + LATER),
    (
        "two cents off before the hold runs out",
        on(State.CHARGED),
        draft(*TWO_CENTS_OFF, until=NOW + 2 * HOUR),
        State.MOVING,
    ),
    (
        "doubled lines before the hold runs out",
        on(State.CHARGED),
        draft(*DOUBLED, until=NOW + 2 * HOUR),
        State.MOVING,
    ),
    (
        "a quantity that a person edited is left",
        on(State.CHARGED),
        draft(*EDITED, until=NOW + 2 * HOUR),
        NOW + LATER,
    ),
    ("a line is gone", on(State.CHARGED), draft(L_CALLS), "waived 1"),
    ("the draft is gone with its lines", own(State.CHARGED), None, State.WAIVED),
    ("it was stopped", on(State.CHARGED), draft(*BOTH, advances=False), State.MOVING),
    ("what was waived wholly is released", on(State.CHARGED, waived=WAIVED), draft(), Call.RELEASE),
    # released
    ("it is waited for", on(State.RELEASED), RELEASED_DRAFT, END + HOUR + SOON),
    ("a hold came late", on(State.RELEASED), draft(*BOTH), Call.RELEASE),
    ("a line is gone", on(State.RELEASED), draft(L_EXPORTS, until=END + HOUR), "waived 1"),
    ("it was stopped", on(State.RELEASED), draft(*BOTH, advances=False), State.MOVING),
    ("the final lines agree", on(State.RELEASED), final(*BOTH), State.AGREED),
    (
        "uncollectible is final, too",
        on(State.RELEASED),
        final(*BOTH, status=InvoiceStatus.UNCOLLECTIBLE),
        State.AGREED,
    ),
    ("the final lines do not agree", on(State.RELEASED), final(*DOUBLED), NOW + A_DAY),
    ("a final line is gone", on(State.RELEASED), final(L_CALLS), "waived 1"),
    ("nothing was left to charge", on(State.RELEASED, waived=WAIVED), final(), State.WAIVED),
    ("nothing was owed", on(State.RELEASED, charges=()), final(), State.AGREED),
    ("it was voided", on(State.RELEASED), VOID, State.VOIDED),
    # moving: a draft that is left
    ("its lines are taken off", on(State.MOVING, since=NOW), draft(*BOTH), Call.REMOVE),
    ("lines may be under way", on(State.MOVING, since=NOW), STOPPED, NOW + 10 * MINUTE),
    ("nothing can be under way any more", on(State.MOVING), STOPPED, State.OPENING),
    ("it was finalised with its lines", on(State.MOVING), final(*BOTH), State.AGREED),
    ("it was finalised without", on(State.MOVING), final(), State.OPENING),
    # an invoice of its own
    ("it needs no hold", own(State.BOUND), OWN_DRAFT, Call.ADD),
    ("its lines are there", own(State.BOUND), OWN_CHARGED, State.CHARGED),
    ("it is finalised by us", own(State.CHARGED), OWN_CHARGED, Call.RELEASE),
    ("what is off on it stays", own(State.CHARGED), draft(*DOUBLED, until=None, advances=False), NOW + LATER),
    ("it is final", own(State.CHARGED), final(*BOTH), State.AGREED),
    ("it was finalised by a person, empty", own(State.BOUND), final(), State.OPENING),
    ("it was deleted before lines were seen", own(State.BOUND), None, State.OPENING),
    # agreed: looked at once more
    ("it is as it was", on(State.AGREED), final(*BOTH), State.AGREED),
    ("it was voided since", on(State.AGREED), VOID, State.VOIDED),
]


@pytest.mark.parametrize(
    ("bill", "seen", "expected"),
    [each[1:] for each in TABLE],
    ids=[f"{each[1].state}: {each[0]}" for each in TABLE],
)
def test_what_was_read_decides(bill: Bill, seen: Seen, expected: Expected) -> None:
    """One step for each state and reading."""
    assert expected == _told(bill, next_step(bill, seen, POLICY, NOW))


def _told(bill: Bill, step: Step) -> Expected:
    match step:
        case Wait(until):
            return until
        case Call():
            return step
        case Bill(waived=waived) if len(waived) > len(bill.waived) and not step.is_final:
            return f"waived {len(waived)}"
        case Bill(attempt=attempt) if attempt > bill.attempt:
            return f"attempt {attempt}"
        case Bill(state=state):
            return state


def test_every_state_that_goes_on_is_in_the_table() -> None:
    """Whoever adds one sees this fail."""
    ended = {State.WAIVED, State.VOIDED, State.WRITTEN_OFF}
    assert {*State} - ended == {bill.state for _, bill, _, _ in TABLE}


@pytest.mark.parametrize(
    ("bill", "seen"), [(OWED, Renewal()), (on(State.BOUND), None), (on(State.HELD), final())]
)
def test_what_has_no_draft_is_written_off_if_the_deployer_says_so(bill: Bill, seen: Seen) -> None:
    """It is not charged, and nothing is asked of Stripe."""
    step = next_step(bill, seen, WRITES_OFF, NOW)
    assert isinstance(step, Bill)
    assert State.WRITTEN_OFF is step.state


def test_a_draft_is_awaited_for_six_hours() -> None:
    """Then the charges go onto an invoice of their own."""
    step = next_step(OWED, Renewal(is_awaited=True), POLICY, END + 6 * HOUR)
    assert isinstance(step, Bill)
    assert State.OPENING is step.state


def test_an_invoice_that_was_left_is_remembered() -> None:
    """It is not chosen again, and the next keys name another attempt."""
    step = next_step(on(State.HELD, attempt=3, answered_at=None), final(), POLICY, NOW)
    assert isinstance(step, Bill)
    assert (("in_1",), None, 1, True) == (step.passed, step.invoice_id, step.attempt, step.is_own)


@pytest.mark.parametrize(
    ("now", "at"), [(END + 10 * MINUTE, END + HOUR), (END + 58 * MINUTE, END + 63 * MINUTE)]
)
def test_a_draft_is_released_to_stripes_own_hour_or_a_little_later(now: datetime, at: datetime) -> None:
    """Never so soon that the call might find it final."""
    assert at == release_at(FRESH, now)


@pytest.mark.parametrize(
    ("bill", "after", "overdue"),
    [
        (on(State.HELD), 30 * MINUTE, False),
        (on(State.HELD), 31 * MINUTE, True),
        (on(State.HELD, charges=None), 40 * HOUR, False),
        (on(State.RELEASED, finalizes_at=END + HOUR), 2 * HOUR, False),
        (on(State.RELEASED, finalizes_at=END + HOUR), 3 * HOUR, True),
        (on(State.AGREED), 400 * HOUR, False),
    ],
)
def test_a_step_that_takes_too_long_rings(*, bill: Bill, after: timedelta, overdue: bool) -> None:
    """Half an hour for each, two hours from release to final lines, nothing while usage is waited for."""
    assert overdue == is_overdue(bill, bill.since + after)


def test_lines_on_a_renewal_make_the_bill_the_renewals() -> None:
    """Also of one that was on its way to an invoice of its own before the ledger was restored."""
    for charged in (final(*BOTH), draft(*BOTH, advances=False)):
        after = next_step(replace(OWED, is_own=True), Renewal(charged=charged), POLICY, NOW)
        assert isinstance(after, Bill)
        assert ("in_1", False) == (after.invoice_id, after.is_own)
