"""The door straight to the usage queue, for hosts with IAM rights to it. Needs boto3 (`tollkeeper[sqs]`)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from boto3 import client
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tollkeeper.client.doors import DoorClosedError, Handover, fitting
from tollkeeper.client.exchange import USER_AGENT
from tollkeeper.client.sums import SealedSum

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MESSAGE_BYTES = 60_000
"""Of records in one message: SQS bills by 64 KB."""

MOST_MESSAGES = 10
CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 2},
    user_agent_extra=USER_AGENT,
)


class SqsDoor:
    """The usage queue, at the URL that the stack's output `UsageQueueUrl` says."""

    def __init__(self, queue_url: str, sqs: "SQSClient | None" = None) -> None:
        self._url = queue_url
        self._sqs = sqs

    def send(self, sums: Sequence[SealedSum], timeout: float) -> Handover:
        """Hand over as many as one request to SQS holds; boto3 has time limits of its own.

        Raises:
            DoorClosedError: none is known to have been taken, or there is no time to begin.
        """
        if timeout <= 0:
            raise DoorClosedError("no time is left")
        if self._sqs is None:
            self._sqs = client("sqs", config=CONFIG)
        messages: list[list[SealedSum]] = []
        while sums and len(messages) < MOST_MESSAGES:
            messages.append(fitting(sums, MESSAGE_BYTES))
            sums = sums[len(messages[-1]) :]
        try:
            answer = self._sqs.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "MessageBody": _message(message)}
                    for number, message in enumerate(messages)
                ],
            )
        except (BotoCoreError, ClientError) as error:
            raise DoorClosedError(f"SQS did not take it: {error}") from error
        taken = [each.id for sent in answer.get("Successful", []) for each in messages[int(sent["Id"])]]
        if not taken:
            raise DoorClosedError(f"SQS refused every message: {answer.get('Failed')}")
        return Handover(frozenset(taken))


def _message(sums: Sequence[SealedSum]) -> str:
    return f'{{"records":[{",".join(each.text for each in sums)}]}}'
