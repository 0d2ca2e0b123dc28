"""The queue of Stripe's events in SQS, and its dead letters, which keep an event as Stripe wrote it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from tollkeeper import queues
from tollkeeper.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ESCAPED = {code: f"\\u{code:04x}" for code in (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0xFFFE, 0xFFFF)}
"""The characters that SQS refuses, as JSON can also write them."""


class DeadEvent(NamedTuple):
    """What came as an event and cannot be followed, as it came, and why."""

    body: str
    reason: str


class StripeEventQueue:
    """The queue on which events wait to be followed."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def put(self, event: str) -> bool:
        """Put an event on the queue, the JSON that Stripe wrote; False if SQS did not take it."""
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=event.translate(ESCAPED))
        except (BotoCoreError, ClientError):
            logger.exception("A Stripe event could not be queued; Stripe will send it again")
            return False
        return True

    def show_again(self, receipts: Mapping[str, int]) -> None:
        """Let messages come again after so many seconds; where it fails, they come when they would have."""
        queues.show_again(self._client, self._url, receipts)


class DeadEvents:
    """Keeps what cannot be followed, for somebody to look at and perhaps to send again."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def keep(self, events: Sequence[DeadEvent]) -> list[int]:
        """Keep events, and return the indexes of those that could not be."""
        return queues.send(self._client, self._url, [queues.dead_letter(*each) for each in events])
