"""The queue of Stripe's events, and what is kept of those that cannot be followed."""

from typing import TYPE_CHECKING, cast

import pytest

from tests.fakes.sqs import FakeSqs
from tollkeeper.stripe.event_queue import DeadEvent, DeadEvents

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.mark.parametrize("body", ['{"id": "evt_1",  "type": "invoice.paid"}', "null", "{"])
def test_a_dead_event_is_as_it_came(body: str) -> None:
    """Whoever sends it back, SQS itself included, sends what can be followed; the reason stands beside it."""
    sqs = FakeSqs()
    dead = DeadEvents(cast("SQSClient", sqs), "https://sqs.test/dead")
    assert [] == dead.keep([DeadEvent(body, "it was followed in vain")])
    assert ([body], ["it was followed in vain"]) == (sqs.bodies, sqs.reasons)
