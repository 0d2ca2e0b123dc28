"""Who may buy at the deployed stack, and who has a trial."""

import pytest

from infra.local.errors import LocalError
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers
from tests.e2e.subscribers import Subscriber


def test_who_has_a_subscription_cannot_buy_another(home: Home, stack: Stack, callers: Callers) -> None:
    """409; and who had a trial, and ended it, pays from the first day."""
    subscriber = Subscriber(home, stack, callers, "starter")
    with pytest.raises(LocalError, match="409"):
        subscriber.customer.buy("professional")
    subscriber.decide("cancel", at="now")
    subscriber.once("canceled")
    subscriber.customer.buy("starter")
    assert not subscriber.once("active")["trial"]["active"]
