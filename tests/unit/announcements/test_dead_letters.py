"""Where changes are put aside that can never be announced."""

import json
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from tests.examples import NOW
from tests.fakes.stream import record
from tollkeeper.announcements.dead_letters import StreamDeadLetters
from tollkeeper.ledger.table import Key

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CHANGE = record(Key("USER#ada", "PERIOD#1"), None, {"userId": "ad\uffffa"}, number=8, at=NOW)


class FakeQueue:
    """SQS, which takes a message or is down."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.is_down = False

    def send_message(self, **message: object) -> None:
        """Keep a message."""
        if self.is_down:
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": ""}}, "SendMessage")
        self.messages.append(message)


def test_a_letter_is_the_record_and_its_reason() -> None:
    """Whoever mends the cause can hand the body to the announcer as it is. All of it is ASCII."""
    queue = FakeQueue()
    assert StreamDeadLetters(cast("SQSClient", queue), "https://sqs.test/aside").put(CHANGE, "schön \uffff")
    (message,) = queue.messages
    assert CHANGE == json.loads(message["MessageBody"])
    assert message["MessageBody"].isascii()
    assert {"reason": {"DataType": "String", "StringValue": "sch\\xf6n \\uffff"}} == message[
        "MessageAttributes"
    ]


def test_while_sqs_takes_nothing_nothing_is_kept() -> None:
    """The record must come again."""
    queue = FakeQueue()
    queue.is_down = True
    assert not StreamDeadLetters(cast("SQSClient", queue), "https://sqs.test/aside").put(CHANGE, "why")
