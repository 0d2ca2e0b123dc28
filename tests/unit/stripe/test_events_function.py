"""The function that follows queued events, as Lambda calls it."""

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from functions.stripe_events.app import handler
from tests.examples import ENVIRONMENT, NOW, OFFER, SUBSCRIPTION
from tests.fakes.runtime import FakeContext, FixedClock
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import invoice
from tests.fakes.table import MemoryTable
from tollkeeper import runtime
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.users import Users
from tollkeeper.rules.times import epoch
from tollkeeper.runtime import stripe_events
from tollkeeper.settings import Settings
from tollkeeper.stripe.event_queue import DeadEvents, StripeEventQueue
from tollkeeper.subscriptions.stripe_events import StripeEvents
from tollkeeper.telemetry import metrics

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Sqs:
    """SQS, which keeps no dead letter, and notes what is to be shown again and when; beside it Stripe."""

    def __init__(self) -> None:
        self.shown: dict[str, int] = {}
        self.stripe = FakeStripe(SUBSCRIPTION)

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
    sqs.stripe.create_customer("ada")
    table = MemoryTable()
    follows = StripeEvents(Users(table), Bills(table), sqs.stripe, OFFER, "live")
    monkeypatch.setattr(stripe_events, "stripe_events", lambda: follows)
    monkeypatch.setattr(stripe_events, "dead_events", lambda: DeadEvents(client, "https://sqs.test/dead"))
    monkeypatch.setattr(
        stripe_events, "stripe_event_queue", lambda: StripeEventQueue(client, "https://sqs.test/q")
    )
    monkeypatch.setattr(runtime, "settings", lambda: Settings.from_environment(ENVIRONMENT))
    monkeypatch.setattr(runtime, "clock", lambda: FixedClock(NOW))
    monkeypatch.setattr(metrics, "namespace", "Tollkeeper")
    return sqs


def message(name: str, body: str, receives: int = 1) -> dict[str, Any]:
    """A message as Lambda hands it over."""
    attributes = {"ApproximateReceiveCount": str(receives), "SentTimestamp": str(1_000 * epoch(NOW))}
    return {"messageId": name, "receiptHandle": f"receipt-{name}", "body": body, "attributes": attributes}


def test_what_sqs_had_before_stripe_was_asked_is_answered(sqs: Sqs) -> None:
    """SQS says when it took a message: the first answer, of now, holds for one that was there by then."""
    asked: list[str] = []
    sqs.stripe.while_listing = lambda: asked.append("subscriptions")
    for number in range(3):
        body = json.dumps(invoice("invoice.paid", f"evt_{number}"))
        assert {"batchItemFailures": []} == handler({"Records": [message("m1", body)]}, FakeContext())
        assert ["subscriptions"] == asked


def test_what_became_of_events_is_counted(sqs: Sqs, capsys: pytest.CaptureFixture[str]) -> None:
    """As metrics under the words for it, so that others' events are seen and nobody is woken by them."""
    others = [invoice("invoice.paid", f"evt_{number}", customer="cus_unknown") for number in range(2)]
    handler({"Records": [message(each["id"], json.dumps(each)) for each in others]}, FakeContext())
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert ([[2.0]], {}) == ([each["StripeEventsOfOthers"] for each in told], sqs.shown)


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
