"""What is written down and announced when a bill goes on."""

import json
from datetime import timedelta

from tests.ledger.billing_house import DAY, HOUR, MINUTE, House, busy_house
from tollkeeper.ledger.bills import Bills
from tollkeeper.rules.bills import Apart, Policy


def entries(house: House) -> list[tuple[str, dict[str, str]]]:
    """Return what is audited of charges, with what it says."""
    found = [row for row in house.rows("AUDIT#") if str(row["action"]).startswith("OVERAGE")]
    return [(str(row["action"]), json.loads(str(row["details"]))["after"]) for row in found]


def announced(house: House) -> list[dict[str, object]]:
    """Return what is announced of waived charges."""
    found = [row for row in house.rows("ANNOUNCEMENT#") if row["kind"] == "charge.waived"]
    return [json.loads(str(row["detail"])) for row in found]


def test_what_was_charged_is_told_in_stripes_cents() -> None:
    """Where Stripe rounds half a cent otherwise, the entry says what stands on the invoice."""
    house = busy_house()
    house.stripe.cents_off = 1
    house.go_on(3 * HOUR)
    told = {
        "apiCalls": "500 for 501 cents",
        "aiQueries": "20 for 201 cents",
        "exports": "10 for 501 cents",
        "invoice": "in_1",
    }
    assert [("OVERAGE_CHARGED", told)] == entries(house)


def test_a_waived_charge_is_audited_and_announced_once() -> None:
    """The others are charged as they were."""
    house = busy_house()
    house.at(5 * MINUTE).run()
    house.stripe.take_off("in_1", 1)
    house.go_on(3 * HOUR)
    assert [200, 500] == house.cents()
    waived, charged = entries(house)
    assert ("OVERAGE_WAIVED", {"apiCalls": "500 for 500 cents", "invoice": "in_1"}) == waived
    assert {"aiQueries", "exports", "invoice"} == charged[1].keys()
    (told,) = announced(house)
    assert ("apiCalls", 500, 500, "removed", "in_1") == tuple(
        told[name] for name in ("eventType", "quantity", "amount", "reason", "invoiceId")
    )


def test_a_voided_invoice_is_audited_and_announced_once() -> None:
    """Also where it was voided days after it was charged; a second look at it tells nothing more."""
    house = busy_house()
    house.go_on(3 * HOUR)
    house.at(DAY)
    house.stripe.void("in_1")
    for _ in range(2):
        Bills(house.table).wake("ada", "in_1", house.now)
        house.run()
    assert ["OVERAGE_CHARGED", "OVERAGE_VOIDED"] == house.audited()
    told = [
        (each["eventType"], each["quantity"], each["amount"], each["reason"]) for each in announced(house)
    ]
    assert [
        ("aiQueries", 20, 200, "voided"),
        ("apiCalls", 500, 500, "voided"),
        ("exports", 10, 500, "voided"),
    ] == sorted(told)


def test_what_was_removed_before_an_invoice_was_voided_is_not_announced_again() -> None:
    """The one as removed, the others as voided."""
    house = busy_house()
    house.at(5 * MINUTE).run()
    house.stripe.take_off("in_1", 1)
    house.go_on(HOUR)
    house.go_on(3 * HOUR)
    house.stripe.void("in_1")
    Bills(house.table).wake("ada", "in_1", house.now)
    house.run()
    told = [(str(each["eventType"]), str(each["reason"])) for each in announced(house)]
    assert [("aiQueries", "voided"), ("apiCalls", "removed"), ("exports", "voided")] == sorted(told)


def test_what_goes_onto_an_invoice_of_its_own_is_audited_as_moved() -> None:
    """And again when it is charged there."""
    house = busy_house()
    house.stripe.finalize("in_1")
    house.go_on(3 * HOUR)
    (moved, _), (charged, told) = entries(house)
    assert (["OVERAGE_MOVED", "OVERAGE_CHARGED"], "in_2") == ([moved, charged], told["invoice"])


def test_what_is_written_off_says_what_it_would_have_cost() -> None:
    """Where the deployer does not charge apart."""
    house = busy_house(Policy(apart=Apart.WRITE_OFF), exports=60)
    house.stripe.finalize("in_1")
    house.go_on(timedelta(hours=1))
    assert [("OVERAGE_WRITTEN_OFF", {"exports": "10 for 500 cents", "invoice": None})] == entries(house)
