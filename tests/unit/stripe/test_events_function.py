"""The function that follows queued events, as Lambda calls it."""

import json

import pytest

from functions.stripe_events.app import handler
from tests.examples import NOW, SUBSCRIPTION
from tests.fakes.runtime import FakeContext, made_of
from tests.fakes.sqs import FakeSqs
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import METADATA, snapshot
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.users import Users


def test_a_message_that_is_no_event_comes_again(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its id, which is in the log as well; its neighbours are followed, and told as a metric."""
    table, stripe = MemoryTable(), FakeStripe(SUBSCRIPTION)
    stripe.create_customer("ada")
    event = json.dumps(snapshot("customer.subscription.created", metadata=METADATA))
    bodies = {"m1": "null", "m2": event, "m3": "{"}
    messages = [{"messageId": name, "body": body} for name, body in bodies.items()]
    with made_of(table, FakeSqs(), stripe, NOW):
        answer = handler({"Records": messages}, FakeContext())
    assert {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m3"}]} == answer
    assert ["m1", "m3"] == [record.__dict__["messageId"] for record in caplog.records]
    assert SUBSCRIPTION == Users(table).history("ada").subscription
    assert [1.0] == json.loads(capsys.readouterr().out.splitlines()[-1])["StripeEventsFollowed"]


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_an_event_comes_again_while_stripe_is_down() -> None:
    """Nothing of it is lost, and no metric says that it was followed."""
    stripe = FakeStripe()
    stripe.is_down = True
    event = json.dumps(snapshot("customer.subscription.created", metadata=METADATA))
    with made_of(MemoryTable(), FakeSqs(), stripe, NOW):
        answer = handler({"Records": [{"messageId": "m1", "body": event}]}, FakeContext())
    assert {"batchItemFailures": [{"itemIdentifier": "m1"}]} == answer
