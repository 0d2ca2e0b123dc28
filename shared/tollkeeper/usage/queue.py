"""The usage queue and its dead letters: records travel packed; what cannot be counted is kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tollkeeper import queues
from tollkeeper.usage.messages import DeadLetter, compact, pack, write_dead_letter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

MESSAGE_BYTES = 60_000
"""Of records in one message: SQS bills by 64 KB."""


class UsageQueue:
    """The queue that usage records travel on."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, records: Sequence[Mapping[str, object]], accepted_at: datetime) -> list[int]:
        """Queue records, each user's side by side, and return the indexes of what could not be queued."""
        order = sorted(range(len(records)), key=lambda index: str(records[index]["userId"]))
        texts = [compact(records[index]) for index in order]
        messages = list(queues.at_once([len(text.encode()) for text in texts], MESSAGE_BYTES))
        bodies = [pack([texts[place] for place in message], accepted_at) for message in messages]
        unsent = queues.send(self._client, self._url, [{"MessageBody": body} for body in bodies])
        return [order[place] for number in unsent for place in messages[number]]

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
        queues.show_again(self._client, self._url, receipts)


class DeadLetters:
    """Keeps what cannot be counted, for somebody to look at and perhaps to send again."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, letters: Sequence[DeadLetter]) -> list[int]:
        """Keep letters, and return the indexes of those that could not be."""
        messages = [queues.dead_letter(write_dead_letter(each), each.reason) for each in letters]
        return queues.send(self._client, self._url, messages)
