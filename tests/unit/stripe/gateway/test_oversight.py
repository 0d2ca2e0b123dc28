"""What a refund gives back, by the state that Stripe says it is in."""

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest
from stripe import Refund, StripeClient

from tests.examples import CATALOGUE, NOW
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.stripe.gateway.oversight import _paid_back


def refund(status: str, intent: str | None = "pi_1") -> Refund:
    """A refund of 300 cents, as Stripe lists it."""
    listed = {"id": "re_1", "object": "refund", "amount": 300, "payment_intent": intent, "status": status}
    return Refund.construct_from(listed, key=None)


@pytest.mark.parametrize(
    ("status", "cents"),
    [("succeeded", 300), ("pending", 300), ("requires_action", 300), ("failed", 0), ("canceled", 0)],
)
def test_what_failed_or_was_cancelled_gives_nothing_back(status: str, cents: int) -> None:
    """All other states give the money back, or will."""
    assert cents == _paid_back([refund(status)])["pi_1"]


def test_parts_add_up_and_what_was_no_payment_intent_is_left_out() -> None:
    """Refunds of one payment are one sum; a charge of other making has no invoice to be found by."""
    found = _paid_back([refund("succeeded"), refund("succeeded"), refund("succeeded", None)])
    assert Counter({"pi_1": 600}) == found


def test_refunds_of_an_invoices_payments_add_up() -> None:
    """An invoice that was paid in two parts, each of which was paid back; a third was of no invoice."""
    refunds = [refund("succeeded", intent) for intent in ("pi_1", "pi_2", "pi_3")]
    paid = {"pi_1": ["in_1"], "pi_2": ["in_1"], "pi_3": []}

    def payments(asked: dict[str, dict[str, str]]) -> SimpleNamespace:
        of = paid[asked["payment"]["payment_intent"]]
        return SimpleNamespace(data=[SimpleNamespace(invoice=each) for each in of])

    v1 = SimpleNamespace(
        refunds=SimpleNamespace(list=lambda _: SimpleNamespace(auto_paging_iter=lambda: iter(refunds))),
        invoice_payments=SimpleNamespace(list=payments),
    )
    stripe = StripeGateway(cast("StripeClient", SimpleNamespace(v1=v1)), CATALOGUE, "live")
    assert {"in_1": 600} == stripe.refunds_since(NOW)


def test_of_an_invoice_the_refunds_of_its_payments_are_asked_for() -> None:
    """Two payments by intents, one paid back in two parts; what was paid in another way has no intent."""
    given = {
        "pi_1": [refund("succeeded", "pi_1"), refund("failed", "pi_1")],
        "pi_2": [refund("pending", "pi_2")],
    }
    paid = [("payment_intent", "pi_1"), ("out_of_band", None), ("payment_intent", "pi_2")]
    asked = list[object]()

    def refunds(of: dict[str, Any]) -> SimpleNamespace:
        asked.append(of)
        return SimpleNamespace(data=given[of["payment_intent"]])

    def payments(of: dict[str, Any]) -> SimpleNamespace:
        asked.append(of)
        each = [SimpleNamespace(type=kind, payment_intent=intent) for kind, intent in paid]
        return SimpleNamespace(data=[SimpleNamespace(payment=payment) for payment in each])

    v1 = SimpleNamespace(
        refunds=SimpleNamespace(list=refunds), invoice_payments=SimpleNamespace(list=payments)
    )
    stripe = StripeGateway(cast("StripeClient", SimpleNamespace(v1=v1)), CATALOGUE, "live")
    assert 600 == stripe.refunded("in_1")
    assert [
        {"invoice": "in_1", "limit": 100},
        {"payment_intent": "pi_1", "limit": 100},
        {"payment_intent": "pi_2", "limit": 100},
    ] == asked
