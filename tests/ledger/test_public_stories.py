"""What went wrong elsewhere, told in public threads, and what becomes of it here."""

from dataclasses import replace

import pytest

from tests.fakes.invoices import Fault
from tests.ledger.billing_house import DAY, END, HOUR, MINUTE, House, busy_house
from tollkeeper.ledger.bills import Bills
from tollkeeper.rules.bills import State
from tollkeeper.rules.subscriptions import Cause

CHARGED = [200, 500, 500]


@pytest.mark.parametrize("fault", [Fault.FAILED, Fault.FAILED_AFTER, Fault.LIMITED, Fault.FAILED_UNKEPT])
def test_lines_are_not_doubled_after_a_429_autumn_3491(fault: Fault) -> None:
    """A limiter, or a lock that is waited for in vain, answers the addition of lines again and again."""
    house = busy_house()
    failures = iter([fault] * 5)
    house.stripe.fault = lambda name: next(failures, None) if name == "add_lines" else None
    house.go_on(4 * HOUR)
    assert (State.AGREED, CHARGED) == (house.bill().state, house.cents())


def test_nobody_collects_beside_stripe_twenty_24264() -> None:
    """Two collectors charged one invoice twice: nothing of the port pays, Stripe's advancing alone does."""
    house = busy_house()
    house.stripe.finalize("in_1")
    house.go_on(3 * HOUR)
    assert {"finalize_invoice in_2"} == {
        each for each in house.stripe.sent if "pay" in each or "finalize_i" in each
    }
    assert not hasattr(house.stripe, "pay_invoice")


def test_nothing_is_left_pending_for_another_invoice_macro_6336() -> None:
    """A leftover item was billed twice: lines that are taken off a draft are deleted, and charged apart."""
    house = busy_house()
    house.at(5 * MINUTE).run()
    house.stripe.cancel_subscription("sub_ada", Cause.DUPLICATE)
    house.go_on(3 * HOUR)
    first, apart = house.stripe.invoices.values()
    assert ([], CHARGED) == (first.lines, sorted(line.amount for line in apart.lines))


def test_a_report_that_is_replayed_bills_once_and_does_not_stall_langfuse_15917_16292() -> None:
    """The same key again, after the first answer was lost: there is one line each, and it goes on."""
    house = busy_house()
    lost = iter([Fault.UNANSWERED, None])
    house.stripe.fault = lambda name: next(lost, None) if name == "add_lines" else None
    house.at(5 * MINUTE).run()
    house.at(20 * MINUTE).run()
    assert State.RELEASED is house.bill().state
    house.go_on(3 * HOUR)
    assert CHARGED == house.cents()


def test_usage_is_not_lost_when_a_subscription_is_cancelled_bencher_951() -> None:
    """It ends in the middle of its month, without any draft: an invoice of its own has the overage."""
    house = House()
    house.use()
    house.at(-10 * DAY)
    house.stripe.cancel_subscription("sub_ada", Cause.DUPLICATE)
    house.hear()
    house.go_on(-10 * DAY + 3 * HOUR)
    assert (State.AGREED, CHARGED) == (house.bill().state, house.cents())


def test_quota_is_not_wiped_by_an_upgrade_polar_11427() -> None:
    """What was over the limit before is frozen and billed, and the new limit is whole."""
    house = House()
    house.use(units={"apiCalls": 1_500})
    house.at(-10 * DAY)
    held = house.stripe.held
    held[0] = replace(held[0], plan="professional")
    house.hear()
    house.use(units={"apiCalls": 9_000}, at=END - 9 * DAY)
    house.renew()
    house.go_on(3 * HOUR)
    (charge,) = house.bill().charges or ()
    assert (500, 500, 500) == (charge.quantity, charge.incurred, charge.amount)
    assert [500] == house.cents()
    assert 1 == len(Bills(house.table).of_user("ada"))
