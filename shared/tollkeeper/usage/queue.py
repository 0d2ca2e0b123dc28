"""The usage queue and its dead letters: records travel packed; what cannot be counted is kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, NotRequired, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from tollkeeper.telemetry import logger
from tollkeeper.usage.messages import DeadLetter, compact, pack, write_dead_letter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchRequestEntryTypeDef,
        MessageAttributeValueTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

MESSAGE_BYTES = 60_000
"""Of records in one message: SQS bills by 64 KB."""

MOST_ENTRIES = 10
"""Messages that SQS takes in one request."""

MOST_BYTES = 1_048_576
"""What the messages of one request may come to."""

REASON = "reason"
"""The attribute of a dead letter that says why it is one."""

REASON_BYTES = 1_024
"""More than an attribute with a reason counts for."""

FIRST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 900

PROMPT_RECEIVES = 10
"""So often a message that was not begun comes again at once."""


class _Message(TypedDict):
    MessageBody: str
    MessageAttributes: NotRequired[dict[str, "MessageAttributeValueTypeDef"]]


class UsageQueue:
    """The queue that usage records travel on."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, records: Sequence[Mapping[str, object]], accepted_at: datetime) -> list[int]:
        """Queue records, each user's side by side, and return the indexes of what could not be queued."""
        order = sorted(range(len(records)), key=lambda index: str(records[index]["userId"]))
        texts = {index: compact(records[index]) for index in order}
        messages = list(_packed(order, texts))
        bodies = [pack([texts[index] for index in message], accepted_at) for message in messages]
        unsent = _send(self._client, self._url, [{"MessageBody": body} for body in bodies])
        return [index for number in unsent for index in messages[number]]

    def is_empty(self) -> bool:
        """Whether nothing waits, is under way or is delayed, by SQS's own numbers, which lag by a minute."""
        names: list[QueueAttributeNameType] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        return all(int(answer["Attributes"].get(name, 0)) == 0 for name in names)

    def show_again(self, receipts: Mapping[str, int]) -> None:
        """Let messages come again after so many seconds; where it fails, they come when they would have."""
        for some in batched(receipts.items(), MOST_ENTRIES, strict=False):
            entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                for number, (receipt, seconds) in enumerate(some)
            ]
            try:
                self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            except (BotoCoreError, ClientError):
                logger.warning("Messages come again later than they could", extra={"messages": len(some)})


def seconds_until_again(receives: int, *, begun: bool = True) -> int:
    """Return how long a message that failed waits: longer each time, a quarter of an hour at most.

    One that was not begun, for want of time, comes again at once. If that goes on it waits as well: it may
    be others' trouble that takes the time, and SQS gives up a message that was received too often.
    """
    if not begun:
        if receives <= PROMPT_RECEIVES:
            return 0
        receives -= PROMPT_RECEIVES
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS << min(receives, 10))


class DeadLetters:
    """Keeps what cannot be counted, for somebody to look at and perhaps to send again."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, letters: Sequence[DeadLetter]) -> list[int]:
        """Keep letters, and return the indexes of those that could not be."""
        return _send(self._client, self._url, [_kept(each) for each in letters])


def _kept(letter: DeadLetter) -> "_Message":
    # SQS refuses some characters, and what is refused may hold any.
    reason = letter.reason.encode("ascii", "backslashreplace").decode()
    attribute: MessageAttributeValueTypeDef = {"DataType": "String", "StringValue": reason}
    return {"MessageBody": write_dead_letter(letter), "MessageAttributes": {REASON: attribute}}


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


def _send(client: "SQSClient", url: str, messages: "Sequence[_Message]") -> list[int]:
    """Send messages and return the numbers of those that SQS did not take."""
    unsent: list[int] = []
    for numbers in _requests(messages):
        entries = [_entry(str(number), messages[number]) for number in numbers]
        try:
            answer = client.send_message_batch(QueueUrl=url, Entries=entries)
        except (BotoCoreError, ClientError):
            logger.exception("Messages could not be sent", extra={"messages": len(numbers)})
            unsent += numbers
        else:
            unsent += [int(each["Id"]) for each in answer.get("Failed", [])]
    return unsent


def _entry(name: str, message: "_Message") -> "SendMessageBatchRequestEntryTypeDef":
    entry: SendMessageBatchRequestEntryTypeDef = {"Id": name, "MessageBody": message["MessageBody"]}
    if "MessageAttributes" in message:
        entry["MessageAttributes"] = message["MessageAttributes"]
    return entry


def _requests(messages: "Sequence[_Message]") -> Iterator[list[int]]:
    """Split messages into what SQS takes at once: numbers of them, in their order."""
    numbers: list[int] = []
    size = 0
    for number, message in enumerate(messages):
        length = len(message["MessageBody"].encode()) + REASON_BYTES
        if numbers and (len(numbers) == MOST_ENTRIES or size + length > MOST_BYTES):
            yield numbers
            numbers, size = [], 0
        numbers.append(number)
        size += length
    if numbers:
        yield numbers
