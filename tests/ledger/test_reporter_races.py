"""Two runs at one bill, in every order of their calls with three changes from one to the other."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from typing import cast

import pytest

from tests.fakes.invoices import Fault
from tests.ledger.billing_house import END, HOUR, MINUTE, House, busy_house
from tests.ledger.crashes import Through
from tests.ledger.turns import Turns
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import BillMovedError, Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.table import Table
from tollkeeper.periods.charging import Charging, StripeForCharging
from tollkeeper.periods.closing import PeriodClosing
from tollkeeper.rules.bills import Policy, State
from tollkeeper.rules.settling import Settled
from tollkeeper.stripe.errors import StripeUnavailableError

STEPS = 17
"""Calls of one run from the close to the release, and one to end."""

FAULTS = [None, *Fault]


class Race:
    """Two runs that have both found Ada's period in the index."""

    def __init__(self, house: House, fault: Fault | None, call: str = "add_lines") -> None:
        self.house = house
        self._turns: list[Turns] = []
        self._faults = [fault]
        house.stripe.fault = lambda name: self._faults.pop() if name == call and self._faults else None

    def run(self, schedule: Iterator[int]) -> None:
        """Let both go in this order, then each to its end."""
        self._turns.append(Turns(self.house.table, [lambda table: self._work(table, 0), self._other]))
        self._turns[0].take(schedule)

    def _other(self, table: Table) -> None:
        self._work(table, 1)

    def _work(self, table: Table, number: int) -> None:
        def turn(_: str) -> AbstractContextManager[None]:
            return self._turn(number)

        stripe = cast("StripeForCharging", Through(self.house.stripe, turn))
        bills, policy = Bills(table), Policy()
        closing = PeriodClosing(Closing(table), bills, stripe, policy, "live")
        ((user_id, period_id),) = self.named
        try:
            _, bill = closing.close(user_id, period_id, Settled(self.house.now, None), asks_stripe=True)
            if bill and bill.may_go_on:
                Charging(bills, stripe, load(), policy, "live").advance(bill, self.house.now)
        except (BillMovedError, StripeUnavailableError):
            return  # the next run goes on

    @property
    def named(self) -> list[tuple[str, str]]:
        """Return Ada's period, as the index named it before."""
        bounds = (self.house.stripe.held[0].id, "2026-03-10T12:00:00Z")
        return [("ada", f"{bounds[1]}#{bounds[0]}")]

    @contextmanager
    def _turn(self, number: int) -> Iterator[None]:
        self._turns[0].wait(number)
        yield


def orders(first: int, second: int, third: int) -> Iterator[int]:
    """Return the schedule that changes three times: so many calls of one, then the other, then the one."""
    yield from [0] * first
    yield from [1] * second
    yield from [0] * third
    yield from [1] * 2 * STEPS


def check(house: House) -> None:
    """See that each overage is charged once, and that nothing is left."""
    house.stripe.fault = lambda _: None
    house.stripe.land()
    house.go_on(3 * HOUR)
    assert (State.AGREED, [200, 500, 500]) == (house.bill().state, house.cents())
    assert ["OVERAGE_CHARGED"] == [each for each in house.audited() if each != "OVERAGE_MOVED"]
    assert [] == [each.id for each in house.stripe.invoices.values() if each.is_draft and each.lines]
    assert 0 == house.waiting()


@pytest.mark.parametrize("fault", FAULTS)
def test_two_runs_charge_once_in_every_order(fault: Fault | None) -> None:
    """Whoever is interrupted where, and however the first addition of lines goes wrong."""
    for schedule in product(range(0, STEPS, 2), range(0, STEPS, 3), [2]):
        house = busy_house()
        house.at(5 * MINUTE)
        Race(house, fault).run(orders(*schedule))
        check(house)


@pytest.mark.parametrize("fault", [None, Fault.FAILED_UNKEPT, Fault.UNANSWERED])
def test_two_runs_charge_apart_once_in_every_order(fault: Fault | None) -> None:
    """The same where both have to make an invoice of its own."""
    for schedule in product(range(0, STEPS, 2), range(0, STEPS, 3), [3]):
        house = busy_house()
        house.at(5 * MINUTE)
        house.stripe.finalize("in_1")
        Race(house, fault, "create_invoice").run(orders(*schedule))
        check(house)


def test_the_schedule_of_three_changes_is_tried_whole() -> None:
    """Without a fault: any number of calls of one, of the other, and again of the first."""
    for schedule in product(range(4, 14), range(4, 14), [1, 4, 7]):
        house = busy_house()
        house.at(5 * MINUTE)
        Race(house, None).run(orders(*schedule))
        check(house)


def test_a_key_whose_failure_was_not_kept_is_not_followed_by_the_next_at_once() -> None:
    """One run fails on the way in; the other, which read before, sends the same key a moment later."""
    house = busy_house()
    house.at(5 * MINUTE)
    assert END == house.stripe.invoices["in_1"].base_start
    Race(house, Fault.FAILED_UNKEPT).run(orders(8, 7, 6))
    check(house)
