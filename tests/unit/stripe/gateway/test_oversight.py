"""What a refund gives back, by the state that Stripe says it is in."""

from collections import Counter

import pytest
from stripe import Refund

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
