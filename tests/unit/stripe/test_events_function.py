"""The function that follows queued events, as Lambda calls it."""

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from functions.stripe_events.app import handler
from tests.examples import NOW, OFFER
from tests.fakes.runtime import FakeContext, FixedClock
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import invoice
from tests.fakes.table import MemoryTable
from tollkeeper import runtime
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.users import Users
from tollkeeper.stripe.event_queue import DeadEvents, StripeEventQueue
from tollkeeper.subscriptions.stripe_events import StripeEvents
from tollkeeper.telemetry import metrics

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Sqs:
    """SQS, which keeps no dead letter, and notes what is to be shown again and when."""

    def __init__(self) -> None:
        self.shown: dict[str, int] = {}

    def send_message_batch(self, *, Entries: list[dict[str, Any]], **_: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Refuse all."""
        return {"Failed": [{"Id": each["Id"]} for each in Entries]}

    def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: str) -> None:  # noqa: N803 - boto3's names
        """Note when messages come again."""
        self.shown |= {each["ReceiptHandle"]: each["VisibilityTimeout"] for each in Entries}


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Sqs:
    """SQS in the place of the real one, and Stripe."""
    sqs = Sqs()
    client = cast("SQSClient", sqs)
    table = MemoryTable()
    stripe_events = StripeEvents(Users(table), Bills(table), FakeStripe(), OFFER, "live")
    monkeypatch.setattr(runtime, "stripe_events", lambda: stripe_events)
    monkeypatch.setattr(runtime, "dead_events", lambda: DeadEvents(client, "https://sqs.test/dead"))
    monkeypatch.setattr(runtime, "stripe_event_queue", lambda: StripeEventQueue(client, "https://sqs.test/q"))
    monkeypatch.setattr(runtime, "clock", lambda: FixedClock(NOW))
    monkeypatch.setattr(metrics, "namespace", "Tollkeeper")
    return sqs


def message(name: str, body: str, receives: int = 1) -> dict[str, Any]:
    """A message as Lambda hands it over."""
    attributes = {"ApproximateReceiveCount": str(receives)}
    return {"messageId": name, "receiptHandle": f"receipt-{name}", "body": body, "attributes": attributes}


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_message_that_fails_comes_again_a_little_later_each_time(sqs: Sqs) -> None:
    """It is named by its id, and shown again by its receipt."""
    answer = handler({"Records": [message("m1", "null"), message("m2", "null", 4)]}, FakeContext())
    assert {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]} == answer
    assert {"receipt-m1": 10, "receipt-m2": 80} == sqs.shown


def test_a_message_that_is_followed_is_gone(sqs: Sqs) -> None:
    """What is nobody's we know is done as well."""
    body = json.dumps(invoice("invoice.paid", customer="cus_unknown"))
    assert ({"batchItemFailures": []}, {}) == (
        handler({"Records": [message("m1", body)]}, FakeContext()),
        sqs.shown,
    )
