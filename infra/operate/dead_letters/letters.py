"""Dead letters of the usage queue, and the way back onto it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tollkeeper.rules.times import iso, parse_iso
from tollkeeper.usage.messages import compact, pack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN_SECONDS = 300
"""How long a letter that was looked at stays hidden from others, unless it is put back before."""

WAIT_SECONDS = 1

UNEXPLAINED = "the tracker failed on it again and again"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter: the records in it as they came, why they stand there, and when they were accepted."""

    receipt: str
    records: tuple[object, ...]
    reason: str
    accepted_at: str

    @property
    def body(self) -> str:
        """The message that brings the records back, with the acceptance by which they are judged."""
        return pack([compact(record) for record in self.records], parse_iso(self.accepted_at))


def read(message: "MessageTypeDef") -> Letter:
    """Read a message of the dead-letter queue.

    The tracker writes one record with its reason. SQS itself moves whole messages there that failed too
    often; those of a direct sender say nothing of their acceptance but when SQS first took them.
    """
    text = message["Body"]
    taken = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {"record": text}
    listed = body.get("records")
    records = tuple(listed) if isinstance(listed, list) else (body.get("record", text),)
    accepted_at = str(body.get("acceptedAt", iso(taken)))
    return Letter(message["ReceiptHandle"], records, str(body.get("reason", UNEXPLAINED)), accepted_at)


class DeadLetterQueue:
    """The dead letters of one deployment."""

    def __init__(self, client: "SQSClient", url: str, usage_queue_url: str) -> None:
        self._client = client
        self._url = url
        self._usage_queue_url = usage_queue_url

    def letters(self) -> Iterator[Letter]:
        """Return each letter once; it stays where it is, hidden from others for a while."""
        seen: set[str] = set()
        while True:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            fresh = [each for each in answer.get("Messages", []) if each["MessageId"] not in seen]
            if not fresh:
                return
            for message in fresh:
                seen.add(message["MessageId"])
                yield read(message)

    def put_back(self, letter: Letter) -> None:
        """Show a letter to others again."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
        )

    def redrive(self, letter: Letter) -> None:
        """Send a letter's records again, and only then take it away: whoever dies between does no harm."""
        self._client.send_message(QueueUrl=self._usage_queue_url, MessageBody=letter.body)
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)
