"""Which calls charging makes: none twice where Stripe has just said it."""

from typing import TYPE_CHECKING, cast

from tests.ledger.billing_house import MINUTE, busy_house, endless
from tests.ledger.crashes import Outside, Through
from tollkeeper.rules.bills import State

if TYPE_CHECKING:
    from tollkeeper.periods.charging import StripeForCharging


def test_an_invoice_of_its_own_is_read_when_it_may_have_changed() -> None:
    """What was just found among the customer's invoices gets its lines without being read again."""
    house, outside = busy_house(), Outside()
    house.stripe.finalize("in_1")
    house.at(5 * MINUTE)
    stripe = cast("StripeForCharging", Through(house.stripe, outside.call))
    house.reporter(stripe=stripe).run(endless())
    assert [
        *("renewal", "own_invoices", "has_customer", "create_invoice", "own_invoices"),
        *("add_lines", "invoice", "finalize_invoice", "invoice"),
    ] == [call.partition(" ")[0] for call in outside.calls]
    assert State.AGREED is house.bill().state
