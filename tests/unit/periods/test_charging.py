"""Which calls charging makes: none twice where Stripe has just said it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import pytest

from tests.fakes.invoices import Fault
from tests.ledger.billing_house import MINUTE, House, busy_house, endless
from tests.ledger.crashes import Outside, Through
from tollkeeper.ledger.table import Write
from tollkeeper.rules.bills import State

if TYPE_CHECKING:
    from tollkeeper.periods.charging import StripeForCharging


def calls(house: House) -> list[str]:
    """Let the reporter run, and return what it asks of Stripe."""
    outside = Outside()
    stripe = cast("StripeForCharging", Through(house.stripe, outside.call))
    house.reporter(stripe=stripe).run(endless())
    return [call.partition(" ")[0] for call in outside.calls]


def test_a_renewals_draft_is_read_when_it_may_have_changed() -> None:
    """What was just found is held without being read again."""
    house = busy_house().at(5 * MINUTE)
    held, charged, released = (
        ["finalize_at", "invoice"],
        ["add_lines", "invoice"],
        ["finalize_at", "invoice"],
    )
    assert ["renewal", *held, *charged, *released] == calls(house)
    assert State.RELEASED is house.bill().state


def test_what_has_to_wait_is_written_with_its_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and not by a write of its own."""
    house = busy_house().at(5 * MINUTE)
    writes, transact = list[State](), house.table.transact

    def noted(asked: Sequence[Write]) -> None:
        transact(asked)
        writes.append(house.bill().state)

    monkeypatch.setattr(house.table, "transact", noted)
    house.run()
    assert ["owed", "bound", "held", "charged", "released"] == [str(each) for each in writes]


def test_a_draft_that_was_deleted_is_left_for_another_in_the_same_run() -> None:
    """Before it had lines: they go onto an invoice of their own."""
    house = busy_house()
    house.stripe.fault = lambda name: Fault.LOST if name == "add_lines" else None
    house.at(5 * MINUTE).run()
    house.stripe.fault = lambda _: None
    house.stripe.delete("in_1")
    house.at(20 * MINUTE)
    assert ["invoice", "own_invoices", "has_customer", "create_invoice", "own_invoices"] == calls(house)[:5]
    assert (State.AGREED, [200, 500, 500]) == (house.bill().state, house.cents())


def test_an_invoice_of_its_own_is_read_when_it_may_have_changed() -> None:
    """What was just found among the customer's invoices gets its lines without being read again."""
    house = busy_house()
    house.stripe.finalize("in_1")
    house.at(5 * MINUTE)
    assert [
        *("renewal", "own_invoices", "has_customer", "create_invoice", "own_invoices"),
        *("add_lines", "invoice", "finalize_invoice", "invoice"),
    ] == calls(house)
    assert State.AGREED is house.bill().state
