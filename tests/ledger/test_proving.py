"""A period is derived anew from its records alone; whatever does not agree is said."""

from collections.abc import Callable

import pytest

from tests.ledger.billing_house import BEGINNING, END, MINUTE, OFFER, House, endless
from tests.ledger.test_reconciling import PLANTED, charged, more_was_used, the_row_was_touched
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.consuming import Consuming, Release
from tollkeeper.ledger.history import History
from tollkeeper.periods.proving import Proving
from tollkeeper.rules.proofs import Proof
from tollkeeper.rules.times import iso
from tollkeeper.rules.usage import UsageRecord


def prove(house: House, start: object = BEGINNING) -> Proof:
    """Prove Ada's month."""
    proving = Proving(Closing(house.table), History(house.table), house.stripe, "live")
    (name,) = proving.names("ada", start)  # type: ignore[arg-type]
    proof = proving.prove("ada", name, house.now)
    assert proof
    return proof


def test_a_month_that_was_charged_is_proved() -> None:
    """Records, row, charges and final lines are one number, metric by metric."""
    proof = prove(charged())
    assert [] == proof.differences
    exports = next(each for each in proof.metrics if each.metric == "exports")
    assert exports.over
    assert exports.due
    assert exports.charge
    assert (60, 60, 50, 10, 10, 500, [500]) == (
        exports.sums.total,
        exports.row,
        exports.limit,
        exports.over.quantity,
        exports.due.quantity,
        exports.charge.amount,
        [each.amount for each in exports.lines],
    )


@pytest.mark.parametrize("plant", PLANTED, ids=lambda each: each.__name__)
def test_planted_drift_fails_the_proof(plant: Callable[[House], None]) -> None:
    """Wherever it was planted."""
    house = charged()
    plant(house)
    assert prove(house).differences


def test_a_counter_that_no_record_explains_is_named() -> None:
    """Even if nobody kept a digest, and the charge was changed with it."""
    house = charged()
    more_was_used(house)
    assert "apiCalls: the records come to 1500, the row says 1600" in prove(house).differences


def test_a_changed_row_is_named() -> None:
    """By its digest."""
    house = charged()
    the_row_was_touched(house)
    assert ["the row was changed since it closed: its digest is another"] == prove(house).differences


def test_a_record_without_its_row_is_named() -> None:
    """A list alone is no evidence."""
    house = charged()
    key = next(each for each in house.table.rows if each.pk.startswith("RECORD#ada#exports"))
    del house.table.rows[key]
    (said,) = prove(house).differences
    assert said.endswith("is listed, and has no row of its own")


def test_corrections_and_releases_are_in_the_sum() -> None:
    """What was consumed and given back counts for nothing, and a correction takes away."""
    house = House()
    house.use()
    consuming = Consuming(house.table, OFFER)
    wish = UsageRecord("wish-1", "ada", "exports", 4, house.now, house.now)
    consuming.consume(wish, endless())
    consuming.release(Release("ada", "wish-1", "exports", house.now, 3), endless())
    house.renew()
    house.at(5 * MINUTE)
    house.run()
    proof = prove(house)
    exports = next(each for each in proof.metrics if each.metric == "exports")
    assert ([], 61, 3) == (proof.differences, exports.sums.total, exports.sums.released)


def test_the_open_period_can_be_proved_as_well() -> None:
    """Its records and its row; nothing is charged yet."""
    house = charged()
    house.use(units={"exports": 3})
    assert ([], None) == ((proof := prove(house, END)).differences, proof.bill)
    assert 3 == next(each for each in proof.metrics if each.metric == "exports").row


def test_there_is_no_proof_of_what_is_not_there() -> None:
    """No period, no proof."""
    house = charged()
    proving = Proving(Closing(house.table), History(house.table), house.stripe, "live")
    assert proving.prove("ada", f"{iso(house.now)}#sub_ada", house.now) is None
