"""A SaaS that listens to a stack's event bus, through a rule and a queue of its own."""

import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Self

import boto3

from infra.local.places import Stack
from infra.local.sam import STACK_NAME
from tests.ledger.tables import CREDENTIALS

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

PATIENCE_SECONDS = 120.0


class Listener:
    """Hears what is announced with these details, from when it is made until it leaves."""

    def __init__(self, stack: Stack, **details: str) -> None:
        where: dict[str, Any] = {"endpoint_url": stack.awsEndpoint, **CREDENTIALS}
        self._sqs: SQSClient = boto3.client("sqs", **where)
        self._events: EventBridgeClient = boto3.client("events", **where)
        self._name = f"listener-{uuid.uuid4().hex[:8]}"
        self._queue = self._sqs.create_queue(QueueName=self._name)["QueueUrl"]
        queue = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        wanted = {name: [value] for name, value in details.items()}
        pattern = json.dumps({"source": ["tollkeeper"], "detail": wanted})
        self._events.put_rule(Name=self._name, EventBusName=STACK_NAME, EventPattern=pattern)
        self._events.put_targets(
            Rule=self._name,
            EventBusName=STACK_NAME,
            Targets=[{"Id": "queue", "Arn": queue["Attributes"]["QueueArn"]}],
        )

    def hears(self, kind: str, count: int) -> list[dict[str, Any]]:
        """Return the details of so many different events of a kind, as soon as they have come."""
        heard: dict[str, dict[str, Any]] = {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(heard) < count and time.monotonic() < deadline:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue, WaitTimeSeconds=1, MaxNumberOfMessages=10
            )
            for message in answer.get("Messages", []):
                event = json.loads(message["Body"])
                if event["detail-type"] == kind:
                    heard[event["detail"]["id"]] = event["detail"]
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return list(heard.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Take rule and queue away."""
        self._events.remove_targets(Rule=self._name, EventBusName=STACK_NAME, Ids=["queue"])
        self._events.delete_rule(Name=self._name, EventBusName=STACK_NAME)
        self._sqs.delete_queue(QueueUrl=self._queue)
