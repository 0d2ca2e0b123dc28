"""What does not agree of a closed period is found, named, and told once; in memory, with the port's fake."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.fakes.table import MemoryTable
from tests.ledger.billing_house import DAY, MINUTE, MONTH, House, busy_house, endless
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Key, Row, UnavailableError
from tollkeeper.periods.reconciler import COMPARED_FOR, Compared, Reconciler
from tollkeeper.rules.invoices import InvoiceStatus
from tollkeeper.rules.reconciling import DriftKind


def charged() -> House:
    """Return a house in which Ada's month was charged, and its invoice is final."""
    house = busy_house()
    house.at(5 * MINUTE)
    house.run()
    house.go_on(timedelta(hours=3))
    assert [200, 500, 500] == house.cents()
    return house


def reconciler(house: House) -> Reconciler:
    """Return what compares."""
    return Reconciler(house.table, house.stripe, load(), "live", house.clock)


def compare(house: House) -> list[Compared]:
    """Let a run compare; return what it looked at."""
    found: list[Compared] = []
    report = reconciler(house).run(endless(), found.append)
    assert (len(found), sum(len(each.drifts) for each in found)) == (report["periods"], report["drift"])
    return found


def kinds(house: House) -> list[DriftKind]:
    """Return what a run finds."""
    return [drift.kind for each in compare(house) for drift in each.drifts]


def row(house: House, kind: str) -> Row:
    """Return Ada's row of a kind that is closed or billed, to be changed by hand."""
    (found,) = [each for each in house.rows(kind) if "closedAt" in each or "charges" in each]
    return found


def more_was_used(house: House) -> None:
    """Change a counter of the closed row, and its digest with it."""
    period = row(house, "PERIOD#")
    period["used_apiCalls"] = 1_600
    del period["digest"]


def the_row_was_touched(house: House) -> None:
    """Change a cap that changes no charge."""
    row(house, "PERIOD#")["spendingCap"] = 99_999


def a_charge_was_edited(house: House) -> None:
    """Change what was frozen."""
    bill = row(house, "BILL#")
    bill["charges"] = str(bill["charges"]).replace('"quantity":500', '"quantity":400', 1)


def a_line_was_edited(house: House) -> None:
    """Change the quantity of a line."""
    (invoice,) = house.stripe.invoices.values()
    invoice.lines[0] = replace(invoice.lines[0], quantity=7, amount=7)


def a_line_is_gone(house: House) -> None:
    """Take one off a final invoice, past what Stripe allows."""
    (invoice,) = house.stripe.invoices.values()
    invoice.lines.pop()


def a_line_is_there_twice(house: House) -> None:
    """Put a copy of one onto another invoice."""
    (invoice,) = house.stripe.invoices.values()
    copy = replace(invoice, id="in_second", lines=[invoice.lines[0]], created=house.now)
    house.stripe.invoices["in_second"] = copy


def a_line_is_of_nothing(house: House) -> None:
    """Put a line of a charge that is not there."""
    (invoice,) = house.stripe.invoices.values()
    invoice.lines.append(replace(invoice.lines[0], charge_id="tollkeeper-unknown"))


PLANTED: dict[Callable[[House], None], set[DriftKind]] = {
    more_was_used: {DriftKind.ROW_DIFFERS},
    the_row_was_touched: {DriftKind.DIGEST_CHANGED},
    a_charge_was_edited: {DriftKind.ROW_DIFFERS, DriftKind.LINE_DIFFERS},
    a_line_was_edited: {DriftKind.LINE_DIFFERS},
    a_line_is_gone: {DriftKind.LINE_MISSING},
    a_line_is_there_twice: {DriftKind.LINE_DOUBLED},
    a_line_is_of_nothing: {DriftKind.LINE_UNDUE},
}


def test_what_was_charged_agrees() -> None:
    """Row, charges and final lines of a month that nothing happened to are one number."""
    (found,) = compare(charged())
    assert ((), ()) == (found.drifts, found.decisions)


@pytest.mark.parametrize(
    ("plant", "expected"), PLANTED.items(), ids=lambda each: getattr(each, "__name__", "")
)
def test_planted_drift_is_found_and_named(plant: Callable[[House], None], expected: set[DriftKind]) -> None:
    """In the row, the charges, the lines and the digest, each by its own name."""
    house = charged()
    plant(house)
    assert expected == set(kinds(house))


def test_drift_is_written_down_and_announced_once() -> None:
    """However many runs find it; another finding is told anew."""
    house = charged()
    a_line_was_edited(house)
    for _ in range(3):
        kinds(house)
    told = house.rows("ANNOUNCEMENT#")
    audited = [each for each in house.rows("AUDIT#") if each["action"] == "BILLING_DRIFT"]
    assert (1, 1) == (len([each for each in told if each["kind"] == "billing.drift"]), len(audited))
    a_line_is_gone(house)
    kinds(house)
    assert 2 == len([each for each in house.rows("ANNOUNCEMENT#") if each["kind"] == "billing.drift"])


@pytest.mark.parametrize("status", [InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE])
def test_what_people_decide_is_shown_and_no_drift(status: InvoiceStatus) -> None:
    """A voided invoice, and one given up, have the lines that they had."""
    house = charged()
    (invoice,) = house.stripe.invoices.values()
    invoice.status = status
    (found,) = compare(house)
    assert ((), (f"{invoice.id} is {status}",)) == (found.drifts, found.decisions)


def test_a_period_that_owes_nothing_is_compared_too() -> None:
    """Its row says so, and would be found if somebody changed it later."""
    house = busy_house(apiCalls=10)
    house.at(5 * MINUTE)
    house.run()
    assert [] == kinds(house)
    more_was_used(house)
    assert [DriftKind.ROW_DIFFERS] == kinds(house)


def test_a_bill_on_its_way_is_compared_with_its_row_alone() -> None:
    """Its lines are yet to come, and it stays until they have."""
    house = busy_house()
    house.at(5 * MINUTE)
    house.run()
    (found,) = compare(house)
    assert ((), False) == (found.drifts, found.bill is None or found.bill.is_final)


def test_a_period_is_compared_for_forty_days() -> None:
    """Then it leaves the index, and costs nothing more; with drift it stays."""
    house = charged()
    house.at(COMPARED_FOR + DAY)
    assert 1 == len(compare(house))
    assert [] == compare(house)
    assert "due" not in row(house, "PERIOD#")
    drifting = charged()
    a_line_was_edited(drifting)
    drifting.at(COMPARED_FOR + DAY)
    assert [1, 1] == [len(compare(drifting)) for _ in range(2)]


def test_other_prices_at_stripe_are_drift() -> None:
    """What the catalogue sells is sold at its price there, or somebody hears of it."""
    house = charged()
    name = load().priced_metrics[0].price_lookup_key
    house.stripe.sold[name] = Decimal(7)
    assert 1 == reconciler(house).run(endless())["drift"]
    del house.stripe.sold[name]
    assert [f"{name} costs $0.01 in the catalogue, and nothing of the kind at Stripe"] == reconciler(
        house
    ).prices()


def test_without_time_or_stripe_nothing_is_said() -> None:
    """What could not be compared is postponed, and no drift."""
    house = charged()
    late = Patience(lambda: 1.0, sleep=lambda _: None)
    assert {"periods": 1, "postponed": 1, "drift": 0, "unusual": 0} == dict(reconciler(house).run(late))
    house.stripe.is_down = True
    report = reconciler(house).run(endless())
    assert (2, 0) == (report["silences"], report["drift"])


def test_each_period_that_is_not_compared_is_counted() -> None:
    """Also where several are of one user."""
    house = busy_house()
    house.live_another_month()
    house.at(MONTH + 5 * MINUTE)
    house.run()
    late = Patience(lambda: 1.0, sleep=lambda _: None)
    assert 2 == reconciler(house).run(late)["postponed"]

    class Silent(MemoryTable):
        def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
            raise UnavailableError(keys)

    house.table, silent = Silent(), house.table
    house.table.rows = silent.rows
    assert 2 == reconciler(house).run(endless())["failed"]


def test_a_period_is_found_by_the_index_alone() -> None:
    """Closing puts it there, under the kind of work that reconciling is."""
    house = charged()
    assert keys.shard(keys.Due.RECONCILE, "ada") == row(house, "PERIOD#")["due"]
