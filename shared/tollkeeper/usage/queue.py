"""The usage queue and its dead letters: records travel packed; what cannot be counted is kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tollkeeper.telemetry import logger
from tollkeeper.usage.messages import DeadLetter, compact, pack, write_dead_letter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

MESSAGE_BYTES = 60_000
"""Of records in one message: SQS bills by 64 KB."""

MOST_ENTRIES = 10
"""Messages that SQS takes in one request."""


class UsageQueue:
    """Sends usage records on their way."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, records: Sequence[Mapping[str, object]], accepted_at: datetime) -> list[int]:
        """Queue records, each user's side by side, and return the indexes of what could not be queued."""
        order = sorted(range(len(records)), key=lambda index: str(records[index]["userId"]))
        texts = {index: compact(records[index]) for index in order}
        messages = list(_packed(order, texts))
        bodies = [pack([texts[index] for index in message], accepted_at) for message in messages]
        unsent = _send(self._client, self._url, bodies)
        return [index for number in unsent for index in messages[number]]


class DeadLetters:
    """Keeps what cannot be counted, for somebody to look at and perhaps to send again."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, letters: Sequence[DeadLetter]) -> list[int]:
        """Keep letters, and return the indexes of those that could not be."""
        return _send(self._client, self._url, [write_dead_letter(each) for each in letters])


def _packed(order: Iterable[int], texts: dict[int, str]) -> Iterator[list[int]]:
    message: list[int] = []
    size = 0
    for index in order:
        length = len(texts[index].encode())
        if message and size + length > MESSAGE_BYTES:
            yield message
            message, size = [], 0
        message.append(index)
        size += length
    if message:
        yield message


def _send(client: "SQSClient", url: str, bodies: Sequence[str]) -> list[int]:
    """Send messages and return the numbers of those that SQS did not take."""
    unsent: list[int] = []
    for numbers in batched(range(len(bodies)), MOST_ENTRIES, strict=False):
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(number), "MessageBody": bodies[number]} for number in numbers
        ]
        try:
            answer = client.send_message_batch(QueueUrl=url, Entries=entries)
        except (BotoCoreError, ClientError):
            logger.exception("Messages could not be sent", extra={"messages": len(numbers)})
            unsent += numbers
        else:
            unsent += [int(each["Id"]) for each in answer.get("Failed", [])]
    return unsent
