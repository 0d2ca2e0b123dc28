"""A table that was restored knows nothing of what came after; Stripe does. Nothing is charged twice."""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta

import pytest

from tests.ledger.billing_house import DAY, END, HOUR, MINUTE, House, busy_house, ended
from tollkeeper.ledger.table import Key, Row
from tollkeeper.rules.bill_steps import is_overdue
from tollkeeper.rules.bills import State
from tollkeeper.rules.subscriptions import Status

type Rows = dict[Key, Row]


def kept(house: House) -> Rows:
    """The table as it is, as a recovery to this point in time would bring it back."""
    return deepcopy(house.table.rows)


def restore(house: House, rows: Rows) -> None:
    """Put another table in its place: what was written since is gone."""
    house.table.rows = deepcopy(rows)


def renewed() -> House:
    """A house whose charges come onto the renewal's draft."""
    return busy_house()


def cancelled() -> House:
    """A house whose charges come onto an invoice of their own."""
    house = House()
    house.use()
    house.at(timedelta(0))
    ended(house, status=Status.CANCELED, ended_at=END)
    house.hear()
    return house


@pytest.mark.parametrize("of", [renewed, cancelled])
@pytest.mark.parametrize("lost", [5 * MINUTE, 20 * MINUTE, 50 * MINUTE, 2 * HOUR])
@pytest.mark.parametrize("found", [3 * HOUR, 3 * DAY])
def test_what_was_charged_since_is_not_charged_again(
    of: Callable[[], House], lost: timedelta, found: timedelta
) -> None:
    """Whether it stands on the renewal's invoice or on one of its own: the bill finds it, and agrees."""
    house = of()
    house.go_on(lost)
    before = kept(house)
    house.go_on(found)
    assert [200, 500, 500] == house.cents()
    restore(house, before)
    house.go_on(found + 2 * DAY)
    assert [200, 500, 500] == house.cents()
    assert State.AGREED is house.bill().state


def test_what_was_charged_and_is_counted_no_more_is_for_a_person() -> None:
    """Usage that was lost with the table was billed all the same: it rings, and nothing is charged anew."""
    house = House()
    house.use(units={"apiCalls": 1_200})
    before = kept(house)
    house.at(-DAY)
    house.use(units={"apiCalls": 300})
    house.renew()
    house.go_on(3 * HOUR)
    charged = house.cents()
    restore(house, before)
    house.hear()
    house.go_on(3 * DAY)
    assert [500] == charged == house.cents()
    assert (State.BOUND, 200) == (house.bill().state, house.bill().left[0].quantity)
    assert is_overdue(house.bill(), house.now)
