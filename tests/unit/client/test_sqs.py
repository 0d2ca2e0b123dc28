"""The door to SQS: sums travel as the queue's own messages."""

import json
from typing import Any

import pytest
from boto3 import client
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import EndpointConnectionError

from tests.ledger.tables import CREDENTIALS
from tollkeeper import __version__
from tollkeeper.client.doors import DoorClosedError
from tollkeeper.client.facts import Fact
from tollkeeper.client.sqs import CONFIG, SqsDoor
from tollkeeper.client.sums import SealedSum, Sums
from tollkeeper.usage.messages import unpack


class FakeQueue:
    """Takes messages, but not those whose number is in `failing`."""

    def __init__(self, failing: set[str] = frozenset(), error: Exception | None = None) -> None:  # type: ignore[assignment]
        self.failing = failing
        self.error = error
        self.bodies: list[str] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        """Take a batch."""
        assert QueueUrl == "url"
        if self.error:
            raise self.error
        taken = [each for each in Entries if each["Id"] not in self.failing]
        self.bodies += [each["MessageBody"] for each in taken]
        failed = [{"Id": each, "Code": "x", "SenderFault": False} for each in self.failing]
        return {"Successful": [{"Id": each["Id"]} for each in taken], "Failed": failed}


def sealed(number: int, size: int = 1) -> list[SealedSum]:
    """Return sums of so many users."""
    sums = Sums(10_000, lambda: 0.0)
    for each in range(number):
        sums.add(Fact(f"{each}-{'x' * size}", "apiCalls", each + 1))
    return sums.seal(number)


def test_sums_are_messages_that_the_tracker_reads() -> None:
    """Each holds records that together stay under what SQS bills as one."""
    queue = FakeQueue()
    sums = sealed(700, 200)
    handover = SqsDoor("url", queue).send(sums, 1)  # type: ignore[arg-type]
    records = [record for body in queue.bodies for record in unpack(body).records]
    assert [json.loads(each.text) for each in sums] == records
    assert {each.id for each in sums} == handover.taken
    assert 1 < len(queue.bodies) <= 10
    assert max(map(len, queue.bodies)) < 65_536


def test_sqs_is_told_who_sends() -> None:
    """Beside what boto3 says of itself."""
    sqs = client("sqs", config=CONFIG, **CREDENTIALS)
    said: list[str] = []

    def note(request: AWSPreparedRequest, **_: object) -> None:
        said.append(str(request.headers["User-Agent"]))
        raise EndpointConnectionError(endpoint_url="x")

    sqs.meta.events.register("before-send.sqs.ListQueues", note)
    with pytest.raises(EndpointConnectionError):
        sqs.list_queues()
    assert f"tollkeeper-client/{__version__}" in said[0]


def test_a_message_that_sqs_refuses_is_sent_again() -> None:
    """Only what was taken is settled."""
    sums = sealed(700, 200)
    handover = SqsDoor("url", FakeQueue({"1"})).send(sums, 1)  # type: ignore[arg-type]
    assert 0 < len(handover.taken) < len(sums)
    assert {} == handover.refused


@pytest.mark.parametrize(
    "queue", [FakeQueue({"0"}), FakeQueue(error=EndpointConnectionError(endpoint_url="x"))]
)
def test_while_sqs_is_away_nothing_is_settled(queue: FakeQueue) -> None:
    """The door is closed, and whoever sends waits."""
    with pytest.raises(DoorClosedError):
        SqsDoor("url", queue).send(sealed(1), 1)  # type: ignore[arg-type]
