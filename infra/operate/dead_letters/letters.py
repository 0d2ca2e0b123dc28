"""Dead letters of any queue: looked at, put back, taken away."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN_SECONDS = 900
"""How long a letter that was looked at stays hidden from others, unless it is put back before."""

WAIT_SECONDS = 1

REASON = "reason"
"""The attribute in which the functions say why a message is a dead letter. SQS and Lambda say nothing."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it lies there: what it says, since when, and why if a function put it there."""

    receipt: str
    body: str
    sent_at: datetime
    reason: str | None


class DeadLetterQueue:
    """One queue of dead letters."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def letters(self) -> Iterator[Letter]:
        """Return each letter once; it stays where it is, hidden from others for a while."""
        seen: set[str] = set()
        while True:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=HIDDEN_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
                MessageAttributeNames=[REASON],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            fresh = [each for each in answer.get("Messages", []) if each["MessageId"] not in seen]
            if not fresh:
                return
            for message in fresh:
                seen.add(message["MessageId"])
                yield _read(message)

    def put_back(self, letter: Letter) -> None:
        """Show a letter to others again."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
        )

    def take_away(self, letter: Letter) -> None:
        """Remove a letter for good."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)


def _read(message: "MessageTypeDef") -> Letter:
    attributes = message.get("MessageAttributes", {})
    return Letter(
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        sent_at=datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC),
        reason=attributes[REASON].get("StringValue") if REASON in attributes else None,
    )
