"""Each call of the port, while Stripe is down."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.integration.stripe_port.worlds import (
    DAY,
    PAGE,
    World,
    order,
)
from tests.standin.harness import START
from tollkeeper.rules.metering import MeterEvent
from tollkeeper.rules.subscriptions import Cause
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.event_types import EventType
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.port import OwnInvoice, Stripe

CHARGE = ChargeLine("c", "ada", "apiCalls", 1, Decimal(1), START, START + DAY, "One over the limit")

CALLS: dict[str, Callable[[Stripe], object]] = {
    "is_of_this_account": lambda stripe: stripe.is_of_this_account(
        StripeEvent("evt_1", "invoice.paid", START, account_id="acct_2")
    ),
    "payment_page": lambda stripe: stripe.payment_page("sub_ada"),
    "create_customer": lambda stripe: stripe.create_customer("ada"),
    "has_customer": lambda stripe: stripe.has_customer("cus_ada"),
    "user_of": lambda stripe: stripe.user_of("cus_ada"),
    "subscriptions_of": lambda stripe: stripe.subscriptions_of("cus_ada"),
    "subscriptions": lambda stripe: list(stripe.subscriptions()),
    "cancel_subscription": lambda stripe: stripe.cancel_subscription("sub_ada", Cause.DUPLICATE),
    "preview_change": lambda stripe: stripe.preview_change("sub_ada", "starter", now=True),
    "change_plan": lambda stripe: stripe.change_plan("sub_ada", "starter", "key"),
    "pending_payment": lambda stripe: stripe.pending_payment("sub_ada"),
    "schedule_plan": lambda stripe: stripe.schedule_plan("sub_ada", "starter", "key"),
    "release_schedule": lambda stripe: stripe.release_schedule("sub_ada", "key"),
    "cancel_at_period_end": lambda stripe: stripe.cancel_at_period_end("sub_ada", "key"),
    "resume_subscription": lambda stripe: stripe.resume_subscription("sub_ada", "key"),
    "create_checkout_session": lambda stripe: stripe.create_checkout_session(order("cus_ada")),
    "open_checkout_sessions": lambda stripe: stripe.open_checkout_sessions("cus_ada"),
    "expire_checkout_session": lambda stripe: stripe.expire_checkout_session("cs_1"),
    "create_portal_session": lambda stripe: stripe.create_portal_session("cus_ada", PAGE, None),
    "invoices_of": lambda stripe: stripe.invoices_of("cus_ada", 1, None),
    "is_invoice_of": lambda stripe: stripe.is_invoice_of("in_1", "cus_ada"),
    "upcoming_invoice": lambda stripe: stripe.upcoming_invoice("sub_ada", []),
    "undelivered_events": lambda stripe: list(stripe.undelivered_events(START, [*EventType])),
    "endings": lambda stripe: list(stripe.endings(START)),
    "rejections": lambda stripe: stripe.rejections("evt_1"),
    "renewal": lambda stripe: stripe.renewal("sub_ada", START),
    "invoice": lambda stripe: stripe.invoice("in_1"),
    "invoices_since": lambda stripe: stripe.invoices_since("cus_ada", START),
    "prices": lambda stripe: stripe.prices(["tollkeeper_starter_monthly"]),
    "own_invoices": lambda stripe: stripe.own_invoices("cus_ada", "bill", START),
    "create_invoice": lambda stripe: stripe.create_invoice(
        OwnInvoice("bill", "ada", "cus_ada", "sub_ada", "Usage"), "key"
    ),
    "finalize_at": lambda stripe: stripe.finalize_at("in_1", START + DAY),
    "add_lines": lambda stripe: stripe.add_lines("in_1", [CHARGE], "key"),
    "remove_lines": lambda stripe: stripe.remove_lines("in_1", ["il_1"]),
    "finalize_invoice": lambda stripe: stripe.finalize_invoice("in_1"),
    "showing_meters": lambda stripe: stripe.showing_meters(["calls"]),
    "send_meter_event": lambda stripe: stripe.send_meter_event(MeterEvent("one", "calls", "cus", 1, START)),
}


@pytest.mark.parametrize("call", CALLS)
def test_while_stripe_is_down_every_call_says_so(world: World, stripe: Stripe, call: str) -> None:
    """The same call may succeed in a moment."""
    world.go_down()
    with pytest.raises(StripeUnavailableError):
        CALLS[call](stripe)


def test_every_call_of_the_port_is_tried() -> None:
    """Whoever adds one sees this fail."""
    assert {name for name in dir(Stripe) if not name.startswith("_")} == CALLS.keys()
