"""What a SaaS hears that listens to the stack's event bus."""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from infra.local.customer import Customer, UsageRecord
from infra.local.places import Home, Stack
from infra.local.sam import STACK_NAME
from tests.ledger.tables import CREDENTIALS

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

PATIENCE_SECONDS = 60.0


class Subscriber:
    """A queue of the SaaS's own, to which a rule on the bus delivers what is announced of one user."""

    def __init__(self, stack: Stack, user_id: str) -> None:
        where: dict[str, Any] = {"endpoint_url": stack.awsEndpoint, **CREDENTIALS}
        self._sqs: SQSClient = boto3.client("sqs", **where)
        self._events: EventBridgeClient = boto3.client("events", **where)
        self._name = user_id
        self._queue = self._sqs.create_queue(QueueName=self._name)["QueueUrl"]
        queue = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        pattern = json.dumps({"source": ["tollkeeper"], "detail": {"userId": [user_id]}})
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

    def leave(self) -> None:
        """Take rule and queue away."""
        self._events.remove_targets(Rule=self._name, EventBusName=STACK_NAME, Ids=["queue"])
        self._events.delete_rule(Name=self._name, EventBusName=STACK_NAME)
        self._sqs.delete_queue(QueueUrl=self._queue)


@pytest.fixture
def customer(home: Home, stack: Stack) -> Customer:
    """Somebody on the free plan: 100 API calls a month."""
    return Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def subscriber(stack: Stack, customer: Customer) -> Iterator[Subscriber]:
    """A SaaS that listens to what is announced of the customer."""
    subscriber = Subscriber(stack, customer.user_id)
    yield subscriber
    subscriber.leave()


def test_a_rule_on_the_bus_delivers_the_thresholds_that_usage_reaches(
    stack: Stack, customer: Customer, subscriber: Subscriber
) -> None:
    """80 API calls of 100 are announced at 50 and at 80 percent, with where the user stands."""
    now = datetime.fromisoformat(httpx.get(f"{stack.stripe}/_sandbox/clock", trust_env=False).json()["now"])
    customer.report([UsageRecord(f"call-{number}", "apiCalls", now) for number in range(80)])
    assert [("apiCalls", 50, 100, "block"), ("apiCalls", 80, 100, "block")] == sorted(
        (each["eventType"], each["threshold"], each["limit"], each["onLimit"])
        for each in subscriber.hears("usage.threshold_reached", 2)
    )
