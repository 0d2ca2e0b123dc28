"""Queues in SQS: messages sent in as few requests as can be, and shown again when their time has come."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import batched
from typing import TYPE_CHECKING, NotRequired, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

from tollkeeper.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchRequestEntryTypeDef,
        MessageAttributeValueTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

MOST_ENTRIES = 10
"""Messages that SQS takes in one request."""

MOST_BYTES = 1_048_576
"""What the messages of one request may come to."""

REASON = "reason"
"""The attribute of a dead letter that says why it is one."""

MOST_REASON = 1_000
"""Characters of a reason that are kept."""

REASON_BYTES = 1_024
"""More than an attribute with a reason counts for."""

FIRST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 900

PROMPT_RECEIVES = 10
"""So often a message that was not begun comes again at once."""


class OutgoingMessage(TypedDict):
    """A message as it is sent."""

    MessageBody: str
    MessageAttributes: NotRequired[dict[str, "MessageAttributeValueTypeDef"]]


def dead_letter(body: str, reason: str) -> OutgoingMessage:
    """Return a message for a dead-letter queue: in its own shape, with the reason as an attribute."""
    # SQS refuses some characters, and an attribute without any; what is refused may hold what it likes.
    told = reason.encode("ascii", "backslashreplace").decode()
    told = "".join(each if each.isprintable() else " " for each in told)[:MOST_REASON] or "unknown"
    return {
        "MessageBody": body,
        "MessageAttributes": {REASON: {"DataType": "String", "StringValue": told}},
    }


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


def show_again(client: "SQSClient", url: str, receipts: Mapping[str, int]) -> None:
    """Let messages come again after so many seconds; where it fails, they come when they would have."""
    for some in batched(receipts.items(), MOST_ENTRIES, strict=False):
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
            for number, (receipt, seconds) in enumerate(some)
        ]
        try:
            client.change_message_visibility_batch(QueueUrl=url, Entries=entries)
        except (BotoCoreError, ClientError):
            logger.warning("Messages come again later than they could", extra={"messages": len(some)})


def send(client: "SQSClient", url: str, messages: Sequence[OutgoingMessage]) -> list[int]:
    """Send messages and return the numbers of those that SQS did not take."""
    unsent: list[int] = []
    sizes = [len(each["MessageBody"].encode()) + REASON_BYTES for each in messages]
    for numbers in at_once(sizes, MOST_BYTES, MOST_ENTRIES):
        entries = [_entry(str(number), messages[number]) for number in numbers]
        try:
            answer = client.send_message_batch(QueueUrl=url, Entries=entries)
        except (BotoCoreError, ClientError):
            logger.exception("Messages could not be sent", extra={"messages": len(numbers)})
            unsent += numbers
        else:
            unsent += [int(each["Id"]) for each in answer.get("Failed", [])]
    return unsent


def _entry(name: str, message: OutgoingMessage) -> "SendMessageBatchRequestEntryTypeDef":
    entry: SendMessageBatchRequestEntryTypeDef = {"Id": name, "MessageBody": message["MessageBody"]}
    if "MessageAttributes" in message:
        entry["MessageAttributes"] = message["MessageAttributes"]
    return entry


def at_once(sizes: Sequence[int], most_bytes: int, most: int | None = None) -> Iterator[list[int]]:
    """Split things into what goes at once: numbers of them, in their order.

    `sizes` are theirs in bytes. One that is larger than `most_bytes` goes alone, to be refused.
    """
    numbers: list[int] = []
    total = 0
    for number, size in enumerate(sizes):
        if numbers and (len(numbers) == most or total + size > most_bytes):
            yield numbers
            numbers, total = [], 0
        numbers.append(number)
        total += size
    if numbers:
        yield numbers
