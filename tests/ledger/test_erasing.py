"""A user is forgotten on request; what was billed stays, and leads to nobody."""

import json
from collections.abc import Iterator, Sequence

import pytest

from tests.fakes.table import MemoryTable
from tests.ledger.billing_house import DAY, END, HOUR, House, busy_house, ended
from tests.ledger.crashes import Crash
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.erasing import Erasing, NotErasableError
from tollkeeper.ledger.stream import RowChange, announcements
from tollkeeper.ledger.table import Key, Refused, Row, TransactionCancelledError, Write
from tollkeeper.rules.bills import State
from tollkeeper.rules.digests import is_unchanged
from tollkeeper.rules.subscriptions import Status


def billed(*others: str) -> House:
    """A house in which Ada was billed, then cancelled, and her last period has closed."""
    house = House(users=("ada", *others))
    house.use(units={"apiCalls": 700})
    for number in range(30):
        house.use(units={"exports": 2}, at=house.now + number * HOUR)
    house.use(units={"apiCalls": 800, "aiQueries": 120})
    for other in others:
        house.use(other)
    house.renew(*(("ada", *others)))
    house.go_on(3 * HOUR)
    ended(house, status=Status.CANCELED, ended_at=house.now)
    house.hear()
    house.go_on(2 * DAY)
    return house


def said(row: Row) -> str:
    """All that a row says."""
    return json.dumps(row)


def of_ada(house: House) -> Iterator[tuple[Key, Row]]:
    """Rows that say something of her."""
    return ((key, row) for key, row in house.table.rows.items() if '"ada"' in said(row) or "#ada" in key.pk)


def test_nothing_is_left_that_names_the_user() -> None:
    """Neither a record, nor a day, a page, an announcement or a profile; nor her id in what stays."""
    house = billed("bob")
    before = {key: dict(row) for key, row in house.table.rows.items() if "bob" in key.pk}
    assert list(of_ada(house))
    pseudonym = Erasing(house.table).erase("ada", "kim", house.now)
    assert [] == [key for key, _ in of_ada(house)]
    kept = {key.sk.partition("#")[0] for key in house.table.rows if pseudonym in key.pk}
    assert {"PERIOD", "BILL", "AUDIT"} == kept
    assert before == {key: row for key, row in house.table.rows.items() if "bob" in key.pk}


def test_what_was_billed_stays_and_still_agrees() -> None:
    """Closed rows are what they were when they closed, charges as frozen, and the trail says who erased."""
    house = billed()
    charges = house.bill().charges
    pseudonym = Erasing(house.table).erase("ada", "kim", house.now)
    bill = next(row for row in house.rows("BILL#") if "closedAt" not in row)
    assert (pseudonym, charges) == (bill["userId"], house.bill(pseudonym).charges)
    assert State.AGREED is house.bill(pseudonym).state
    closed = [rows.period(row) for row in house.rows("PERIOD#")]
    assert closed
    assert all(each.closed_at and each.digest and is_unchanged(each) for each in closed)
    trail = house.rows("AUDIT#")
    assert {pseudonym} == {row["userId"] for row in trail}
    assert ["kim"] == [row["actor"] for row in trail if row["action"] == "USER_ERASED"]


def test_what_is_left_of_a_user_wakes_nobody() -> None:
    """No run takes on what was moved, and no threshold is announced of it."""
    house = billed()
    Erasing(house.table).erase("ada", "kim", house.now)
    assert {} == house.run()
    for key, row in house.table.rows.items():
        assert "due" not in row
        if keys.is_period(key):
            assert [] == list(announcements(RowChange(key, None, row, house.now), house.now))


def test_a_pseudonym_is_drawn_and_leads_nowhere() -> None:
    """Two users, or one twice, have nothing in common."""
    found = [Erasing(house.table).erase("ada", "kim", house.now) for house in (billed(), billed())]
    assert 2 == len(set(found))
    assert all("ada" not in each for each in found)


def test_who_still_owes_or_subscribes_is_not_erased() -> None:
    """The message says what to do first, and nothing is changed."""
    house = House()
    house.use()
    before = {key: dict(row) for key, row in house.table.rows.items()}
    with pytest.raises(NotErasableError, match="cancel it first"):
        Erasing(house.table).erase("ada", "kim", house.now)
    assert before == house.table.rows
    house.at(END - END)
    ended(house, status=Status.CANCELED, ended_at=house.now)
    house.hear()
    with pytest.raises(NotErasableError, match="yet to close"):
        Erasing(house.table).erase("ada", "kim", house.now)
    busy = busy_house()
    busy.at(HOUR / 12)
    busy.run()
    ended(busy, status=Status.CANCELED, ended_at=busy.now)
    busy.hear()
    busy.run()
    with pytest.raises(NotErasableError, match="yet to close"):
        Erasing(busy.table).erase("ada", "kim", busy.now)


class Changing(MemoryTable):
    """A table in which somebody else has just changed what is written upon a condition."""

    def transact(self, writes: Sequence[Write]) -> None:
        """Refuse."""
        raise TransactionCancelledError([Refused() for _ in writes])


def test_whose_row_changes_meanwhile_is_not_erased() -> None:
    """They may have bought something; whoever asks again hears that, or erases."""
    with pytest.raises(NotErasableError, match="changes just now: ask again"):
        Erasing(Changing()).erase("ada", "kim", House().now)


class Dying:
    """A table at which whoever writes dies before some write."""

    def __init__(self, house: House, at: int) -> None:
        self._house, self._left = house, at

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Read."""
        return self._house.table.query(pk, first, last, most)

    def transact(self, writes: list[Write]) -> None:
        """Write, or die."""
        self._left -= 1
        if self._left < 0:
            raise Crash
        self._house.table.transact(writes)


def test_it_goes_on_where_it_stopped() -> None:
    """Whoever dies at whichever write: the next one ends it, under the same pseudonym."""
    for at in range(100):
        house = billed()
        bills = len(house.rows("BILL#"))
        try:
            Erasing(Dying(house, at)).erase("ada", "kim", house.now)  # type: ignore[arg-type]
        except Crash:
            begun = {key.pk for key in house.table.rows if "erased-" in key.pk}
            pseudonym = Erasing(house.table).erase("ada", "kim", house.now)
            assert begun <= {keys.user(pseudonym)}
            assert [] == [key for key, _ in of_ada(house)]
            assert bills == len(house.rows("BILL#"))
        else:
            assert at > 10
            return
    pytest.fail("it never came to its end")
