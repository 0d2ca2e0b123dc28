"""Dead letters come back with the time of their acceptance, and count."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from infra.operate.dead_letters.letters import DeadLetterQueue
from tests.fakes.table import MemoryTable
from tests.fakes.tracker import tracker_of
from tests.ledger.tables import CREDENTIALS
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.times import iso
from tollkeeper.usage.batch import Message
from tollkeeper.usage.messages import DeadLetter
from tollkeeper.usage.queue import DeadLetters

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ACCEPTED = datetime(2026, 1, 5, tzinfo=UTC)
LONG_AFTER = ACCEPTED + timedelta(days=200)
RECORD = {
    "id": "r1",
    "userId": "ada",
    "eventType": "apiCalls",
    "quantity": 2,
    "timestamp": iso(ACCEPTED - timedelta(days=30)),
}


@pytest.fixture
def sqs() -> Iterator["SQSClient"]:
    """SQS as moto plays it."""
    with mock_aws():
        yield boto3.client("sqs", **CREDENTIALS)


@pytest.fixture
def urls(sqs: "SQSClient") -> tuple[str, str]:
    """The dead-letter queue and the usage queue."""
    dead, usage = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("dead", "usage"))
    return dead, usage


def bodies(sqs: "SQSClient", url: str) -> list[dict[str, object]]:
    """Return what stands on a queue."""
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def test_a_redriven_record_keeps_its_acceptance(sqs: "SQSClient", urls: tuple[str, str]) -> None:
    """A letter of the tracker goes back as a message whose acceptance is the first one, and is gone."""
    dead, usage = urls
    DeadLetters(sqs, dead).send([DeadLetter(RECORD, "unknown_metric: …", ACCEPTED)])
    queue = DeadLetterQueue(sqs, dead, usage)
    for letter in queue.letters():
        queue.redrive(letter)
    assert [{"records": [RECORD], "acceptedAt": iso(ACCEPTED)}] == bodies(sqs, usage)
    assert [] == list(queue.letters())


def test_a_redriven_record_counts_however_late(sqs: "SQSClient", urls: tuple[str, str]) -> None:
    """Age is judged against the first acceptance: a record redriven half a year later still counts."""
    dead, usage = urls
    DeadLetters(sqs, dead).send([DeadLetter(RECORD, "unknown_metric: …", ACCEPTED)])
    queue = DeadLetterQueue(sqs, dead, usage)
    for letter in queue.letters():
        queue.redrive(letter)
    table, offer = MemoryTable(), Offer(load(), date(2000, 1, 1))
    tracker = tracker_of(table, Counting(table, offer), DeadLetters(sqs, dead), offer.catalogue.metrics)
    (body,) = bodies(sqs, usage)
    tracked = tracker.track(
        [Message("m", json.dumps(body), LONG_AFTER, receives=1)], LONG_AFTER, for_seconds(5)
    )
    assert {"apiCalls": 2} == tracked.counted
    (period,) = table.query(keys.user("ada"), "PERIOD#", "PERIOD$")
    assert "2025-12-01T00:00:00Z" == period["periodStart"]


def test_a_message_that_sqs_gave_up_goes_back_whole(sqs: "SQSClient", urls: tuple[str, str]) -> None:
    """A direct sender's message names no acceptance: that is when SQS took it."""
    dead, usage = urls
    sqs.send_message(QueueUrl=dead, MessageBody=json.dumps({"records": [RECORD, RECORD]}))
    queue = DeadLetterQueue(sqs, dead, usage)
    (letter,) = queue.letters()
    queue.redrive(letter)
    (body,) = bodies(sqs, usage)
    assert [RECORD, RECORD] == body["records"]
    age = datetime.now(UTC) - datetime.fromisoformat(str(body["acceptedAt"]))
    assert timedelta(0) <= age < timedelta(minutes=1)


def test_letters_that_are_only_looked_at_stay(sqs: "SQSClient", urls: tuple[str, str]) -> None:
    """A letter put back is there for the next reader, nonsense included."""
    dead, usage = urls
    sqs.send_message(QueueUrl=dead, MessageBody="nonsense")
    queue = DeadLetterQueue(sqs, dead, usage)
    (letter,) = queue.letters()
    assert ("nonsense",) == letter.records
    queue.put_back(letter)
    assert 1 == len(list(queue.letters()))
