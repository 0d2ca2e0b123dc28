"""SQS: it takes messages, or refuses them."""

import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable


FOREIGN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no message may hold (docs.aws.amazon.com/AWSSimpleQueueService, API reference, SendMessage)."""

MOST_BYTES = 1_048_576
SENT_AT = 1_763_208_000_000
"""When messages were sent, in milliseconds: the examples' now."""


class FakeSqs:
    """A queue that keeps what it is sent.

    `refuses` says of a message's body that SQS does not take it; `is_down` that it takes no request at all.
    Of itself it refuses what is empty, too large, or holds characters that are none of SQS's.
    """

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self._reasons: list[str] = []
        self.refuses: Callable[[str], bool] = lambda _: False
        self.is_down = False

    @property
    def reasons(self) -> list[str]:
        """What is said of the messages that were taken, where something is."""
        return self._reasons

    @property
    def bodies(self) -> list[str]:
        """The messages that were taken."""
        return [body for request in self.requests for body in request]

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Say that nothing waits: whoever reads it has read what was sent."""
        return {"Attributes": dict.fromkeys(AttributeNames, "0"), "QueueUrl": QueueUrl}

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Keep a message, unless it is refused."""
        if self.is_down or self._is_refused(MessageBody):
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": QueueUrl}}, "SendMessage")
        self.requests.append([MessageBody])
        return {}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Keep the messages that are not refused."""
        if self.is_down:
            raise ClientError(
                {"Error": {"Code": "ServiceUnavailable", "Message": QueueUrl}}, "SendMessageBatch"
            )
        failed = [each for each in Entries if self._is_refused(each["MessageBody"])]
        self.requests.append([each["MessageBody"] for each in Entries if each not in failed])
        self._reasons += [
            str(each["MessageAttributes"]["reason"]["StringValue"])
            for each in Entries
            if each not in failed and "MessageAttributes" in each
        ]
        return {"Failed": [{"Id": each["Id"]} for each in failed]} if failed else {}

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Let messages come again at another time; there is none here that comes by itself."""
        return {"Successful": [{"Id": each["Id"]} for each in Entries], "QueueUrl": QueueUrl}

    def _is_refused(self, body: str) -> bool:
        try:
            size = len(body.encode())
        except UnicodeEncodeError:
            return True
        return size == 0 or size > MOST_BYTES or bool(FOREIGN.search(body)) or self.refuses(body)


def messages_of(*bodies: str, receives: int = 1) -> dict[str, Any]:
    """Return the event by which Lambda hands over messages, each received so often."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": str(SENT_AT)},
                "eventSource": "aws:sqs",
            }
            for number, body in enumerate(bodies)
        ]
    }
