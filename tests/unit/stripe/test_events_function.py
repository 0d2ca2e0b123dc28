"""The function that follows queued events, as Lambda calls it."""

import pytest

from functions.stripe_events.app import handler
from tests.fakes.runtime import FakeContext


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_message_that_is_no_event_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    """By its id, which is in the log as well; after some times it is a dead letter."""
    messages = [{"messageId": each, "body": "null", "eventSource": "aws:sqs"} for each in ("m1", "m2")]
    answer = handler({"Records": messages}, FakeContext())
    assert {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]} == answer
    assert ["m1", "m2"] == [record.__dict__["messageId"] for record in caplog.records]
