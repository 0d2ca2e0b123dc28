"""The book of bills, on each kind of table: written by steps, found when due, woken by what Stripe says."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.examples import END, PERIOD, START, SUBSCRIPTION, bound
from tollkeeper.ledger import keys
from tollkeeper.ledger.bills import BillMovedError, Bills
from tollkeeper.ledger.closing import Closing, PeriodMovedError
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.bills import Bill, State
from tollkeeper.rules.charges import Charge

MINUTE = timedelta(minutes=1)
NOW = END + 5 * MINUTE
CHARGE = Charge(
    "c-1", "apiCalls", 500, Decimal("0.25"), 125, used=1_500, included=1_000, incurred=3, capped=7
)
BILL = Bill("ada", "cus_ada", "sub_ada", START, END, State.OWED, NOW, (CHARGE,))
NAME = keys.period_id(PERIOD)


def due(table: Table, at: timedelta = timedelta(0)) -> list[tuple[str, str]]:
    """Return whose bills are due."""
    return list(Bills(table).due(NOW + at))


@pytest.mark.parametrize(
    "bill",
    [
        BILL,
        replace(BILL, charges=None),
        replace(BILL, charges=()),
        replace(
            BILL,
            state=State.RELEASED,
            invoice_id="in_2",
            is_own=True,
            attempt=3,
            answered_at=NOW,
            finalizes_at=END + 60 * MINUTE,
            passed=("in_1",),
            waived=frozenset({"c-1"}),
        ),
    ],
)
def test_a_bill_is_read_as_it_was_written(table: Table, bill: Bill) -> None:
    """Whatever it has and lacks."""
    written = Bills(table).write(None, bill, NOW)
    assert replace(bill, rev=1) == written == Bills(table).read("ada", NAME)
    assert [written] == Bills(table).of_user("ada")


def test_what_a_step_takes_away_is_gone(table: Table) -> None:
    """An attribute that the bill lost is not read again."""
    bills = Bills(table)
    first = bills.write(None, replace(BILL, invoice_id="in_1", answered_at=NOW), NOW)
    second = bills.write(first, replace(first, invoice_id=None, answered_at=None), NOW)
    assert second == bills.read("ada", NAME)


def test_two_who_take_the_same_step_do_it_once(table: Table) -> None:
    """The second is told, of a new bill as well."""
    bills = Bills(table)
    first = bills.write(None, BILL, NOW)
    for before in (None, replace(first, rev=7)):
        with pytest.raises(BillMovedError):
            bills.write(before, BILL, NOW)
    assert first == bills.read("ada", NAME)


def test_a_bill_is_due_at_its_time_and_no_more_when_it_is_final(table: Table) -> None:
    """The index holds only what is yet to be done."""
    bills = Bills(table)
    first = bills.write(None, BILL, NOW + MINUTE)
    assert ([], [("ada", NAME)]) == (due(table), due(table, MINUTE))
    bills.postpone(first, NOW + 3 * MINUTE)
    assert ([], [("ada", NAME)]) == (due(table, 2 * MINUTE), due(table, 3 * MINUTE))
    bills.write(first, replace(first, state=State.WAIVED), NOW)
    assert [] == due(table, 10 * MINUTE)


def test_a_bill_that_went_on_is_not_postponed(table: Table) -> None:
    """Whoever read it before has nothing more to say."""
    bills = Bills(table)
    first = bills.write(None, BILL, NOW)
    bills.write(first, first, NOW)
    bills.postpone(first, NOW + MINUTE)
    assert [("ada", NAME)] == due(table)


@pytest.mark.parametrize(
    ("state", "of", "woken"),
    [
        (State.RELEASED, None, True),
        (State.RELEASED, "in_other", True),
        (State.AGREED, "in_1", True),
        (State.AGREED, "in_other", False),
        (State.WAIVED, "in_1", False),
    ],
)
def test_a_word_of_stripes_wakes_what_may_go_on(
    table: Table, state: State, of: str | None, *, woken: bool
) -> None:
    """And an agreed bill, if the word is of its invoice."""
    bills = Bills(table)
    bills.write(None, replace(BILL, state=state, invoice_id="in_1"), NOW + MINUTE)
    bills.wake("ada", of, NOW)
    assert woken == (due(table) != [])


def test_a_period_closes_with_its_bill_or_not_at_all(table: Table) -> None:
    """Somebody has bound its draft since: nothing is written, and it is read again."""
    users = Users(table)
    user = users.read("ada", START)
    users.write_subscription(user, SUBSCRIPTION, bound(user, SUBSCRIPTION))
    closing, bills = Closing(table), Bills(table)
    _, period, bill = closing.read("ada", NAME)
    assert period
    held = bills.write(None, replace(BILL, charges=None, state=State.BOUND, invoice_id="in_1"), NOW)
    with pytest.raises(PeriodMovedError):
        closing.close("ada", period, (CHARGE,), (bill, BILL), NOW)
    assert [("ada", NAME)] == list(closing.ended(NOW))
    closing.close("ada", period, (CHARGE,), (held, replace(held, charges=(CHARGE,))), NOW)
    with pytest.raises(PeriodMovedError):
        closing.close("ada", period, (), None, NOW)
    _, closed, bill = closing.read("ada", NAME)
    assert closed
    assert (NOW, replace(held, charges=(CHARGE,), rev=2), []) == (
        closed.closed_at,
        bill,
        list(closing.ended(NOW)),
    )
