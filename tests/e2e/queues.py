"""The stack's usage queue and its dead letters, as somebody with IAM rights has them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

from infra.local.places import Stack
from infra.local.sam import STACK_NAME
from tests.e2e.callers import soon
from tests.ledger.tables import CREDENTIALS

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient


class Queues:
    """Both queues of one stack."""

    def __init__(self, stack: Stack) -> None:
        self._sqs: SQSClient = boto3.client("sqs", endpoint_url=stack.awsEndpoint, **CREDENTIALS)
        formation = boto3.client("cloudformation", endpoint_url=stack.awsEndpoint, **CREDENTIALS)
        [described] = formation.describe_stacks(StackName=STACK_NAME)["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}
        self._functions: LambdaClient = boto3.client("lambda", endpoint_url=stack.awsEndpoint, **CREDENTIALS)
        self._usage = stack.usageQueue
        self._arn = self._attributes()["QueueArn"]
        self._dead_letters = outputs["UsageDeadLetterQueueUrl"]

    def send(self, body: str) -> None:
        """Put a message straight on the usage queue."""
        self._sqs.send_message(QueueUrl=self._usage, MessageBody=body)

    def hide_for(self, seconds: int) -> None:
        """Let messages that a function has taken be out of sight for so long, unless it is done with them."""
        self._sqs.set_queue_attributes(QueueUrl=self._usage, Attributes={"VisibilityTimeout": str(seconds)})

    def settle(self) -> None:
        """Wait until all that was sent has been taken and done with."""

        def left() -> int:
            counts = self._attributes()
            waiting = int(counts["ApproximateNumberOfMessages"])
            return waiting + int(counts["ApproximateNumberOfMessagesNotVisible"])

        assert 0 == soon(left, lambda count: count == 0)

    @contextmanager
    def unread(self) -> Iterator[None]:
        """Let nobody count what comes to the usage queue, for a while."""
        (mapping,) = self._functions.list_event_source_mappings(EventSourceArn=self._arn)[
            "EventSourceMappings"
        ]
        self._functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        yield
        self._functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def show_again_after(self, seconds: int) -> None:
        """Have messages whose tracker died come again so soon, and not in seven minutes."""
        self._sqs.set_queue_attributes(QueueUrl=self._usage, Attributes={"VisibilityTimeout": str(seconds)})

    def bury(self, body: str, reason: str) -> None:
        """Put a dead letter where the tracker puts its own."""
        self._sqs.send_message(
            QueueUrl=self._dead_letters,
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )

    def letters(self, about: str, count: int = 1) -> list[dict[str, Any]]:
        """Take away the dead letters of records that speak of something, as soon as there are so many."""
        return [json.loads(body) for body in self.bodies(about, count)]

    def bodies(self, about: str, count: int = 1) -> list[str]:
        """Take away the dead letters that speak of something, just as they are."""
        found: list[str] = []

        def look() -> int:
            answer = self._sqs.receive_message(
                QueueUrl=self._dead_letters, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=2
            )
            for message in answer.get("Messages", []):
                if about in message["Body"]:
                    found.append(message["Body"])
                    self._sqs.delete_message(
                        QueueUrl=self._dead_letters, ReceiptHandle=message["ReceiptHandle"]
                    )
            return len(found)

        soon(look, lambda seen: seen >= count)
        return found

    def _attributes(self) -> dict[str, str]:
        found = self._sqs.get_queue_attributes(QueueUrl=self._usage, AttributeNames=["All"])
        return {str(name): value for name, value in found["Attributes"].items()}
