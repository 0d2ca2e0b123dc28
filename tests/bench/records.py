"""What counting a record costs: write units, dollars, and processor time."""

import time
import uuid
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, cast

import boto3

from tests.bench import prices
from tests.bench.capacity import MeteredTable, size, stored, write_units
from tests.bench.figures import Figure
from tests.fakes.tracker import tracker_of
from tests.ledger.crashes import CrashingDeadLetters, Outside
from tests.ledger.tables import CREDENTIALS, create_table
from tollkeeper.aws import AWS
from tollkeeper.catalogue import load
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.table import Table
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.times import iso
from tollkeeper.usage.batch import Message
from tollkeeper.usage.judgement import judge_all
from tollkeeper.usage.queue import UsageQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OFFER = Offer(load(), date(2000, 1, 1))
RECORDS = 1_000
USERS = 50
ROUNDS = 5
MESSAGES_PER_BATCH = 10
TRACKER_GB = 1.0
INTAKE_GB = 0.5


class _Sent:
    """Takes what would go to SQS."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def send_message_batch(self, *, Entries: Sequence[dict[str, str]], **_: object) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Take a batch."""
        self.bodies += [entry["MessageBody"] for entry in Entries]
        return {}


def body() -> list[dict[str, Any]]:
    """Return 1,000 records of one day, each with an id of its own and some data, over 50 users."""
    return [
        {
            "id": str(uuid.uuid4()),
            "userId": f"user_2abcDEFghiJKLmno{number % USERS:04}",
            "eventType": "apiCalls",
            "quantity": 1,
            "timestamp": iso(NOW - timedelta(seconds=number)),
            "eventData": {"method": "POST", "path": "/api/calculations/lighting", "status": 200},
        }
        for number in range(RECORDS)
    ]


def queued(records: Sequence[dict[str, Any]]) -> list[Message]:
    """Return records as intake queues them."""
    sent = _Sent()
    UsageQueue(cast("SQSClient", sent), "").send(records, NOW)
    return [Message(str(number), text, NOW, receives=1) for number, text in enumerate(sent.bodies)]


def track(table: Table, messages: Sequence[Message]) -> None:
    """Count a batch."""
    letters = CrashingDeadLetters([], Outside())
    tracker = tracker_of(table, Counting(table, OFFER), letters, OFFER.catalogue.metrics)
    failed = tracker.track(messages, NOW, for_seconds(60)).failed
    if failed:
        raise RuntimeError(f"{len(failed)} messages failed")


def figures(endpoint: str) -> list[Figure]:
    """Measure, with a DynamoDB at an endpoint for the processor times."""
    records = body()
    messages = queued(records)
    table = MeteredTable()
    track(table, messages)
    units = table.write_units / RECORDS
    record = next(row for key, row in table.rows.items() if key.sk == "RECORD")
    tracker_seconds, bare_seconds = _tracker_times(endpoint)
    intake_seconds = min(
        _seconds(lambda: judge_all(records, NOW, OFFER.catalogue.metrics)) for _ in range(ROUNDS)
    )
    dollars = _dollars(table, messages, intake_seconds + tracker_seconds * TRACKER_GB / INTAKE_GB)
    return [
        Figure("write_units_per_record", "write units per record, each idempotent by itself", units, 2.4),
        Figure("naive_write_units_per_record", "… put, then add: loses and counts twice", _naive(record)),
        Figure("reference_write_units_per_record", "… AWS's reference: counts twice", _reference(record)),
        Figure("usd_per_million_records", "US dollars per million records, all requests", dollars, 1.60),
        Figure("storage_bytes_per_record", "bytes stored per record, for 400 days", _stored(table), 430),
        Figure(
            "tracker_cpu_ratio",
            "tracker's processor time over its bare transactions",
            tracker_seconds / bare_seconds,
            1.5,
        ),
    ]


def _naive(record: dict[str, Any]) -> float:
    """A conditional put of the record, and an update of the counter, one after the other."""
    return write_units(size(record)) + 1


def _reference(record: dict[str, Any]) -> float:
    """The pattern of AWS's reference billing implementation.

    Each event is put; later, 24 at a time, events are deleted and added to an aggregate in a transaction. An
    index projects all of every item, so each of those writes is made there once more.
    """
    item = write_units(size(record))
    put = item + item
    delete = 2 * item + item
    aggregate = (2 + 1) / 24
    return put + delete + aggregate


def _stored(table: MeteredTable) -> float:
    return sum(map(stored, table.rows.values())) / RECORDS


def _dollars(table: MeteredTable, messages: Sequence[Message], gigabyte_seconds: float) -> float:
    """Price one body of 1,000 records from HTTP API to ledger, for a million."""
    chunks = sum(ceil(len(each.body.encode()) / prices.SQS_CHUNK) for each in messages)
    received = ceil(len(messages) / MESSAGES_PER_BATCH)
    body_bytes = sum(len(each.body.encode()) for each in messages)
    one = (
        ceil(body_bytes / prices.HTTP_API_CHUNK) * prices.HTTP_API_REQUEST
        + (1 + received) * prices.LAMBDA_REQUEST
        + gigabyte_seconds * prices.LAMBDA_GB_SECOND
        + (2 * chunks + received) * prices.SQS_REQUEST  # sent, received, and deleted by the batch
        + table.write_units * prices.DYNAMODB_WRITE
        + table.read_units * prices.DYNAMODB_READ
    )
    return one * prices.MILLION / RECORDS


def _tracker_times(endpoint: str) -> tuple[float, float]:
    """Return the processor seconds of the tracker, and of sending its very transactions bare."""
    client = boto3.client("dynamodb", endpoint_url=endpoint, config=AWS, **CREDENTIALS)
    transactions: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems",
        lambda params, **_: transactions.append(deepcopy(params)),
    )
    create_table(client, "bench")
    table = DynamoTable(client, "bench")
    bare = boto3.client("dynamodb", endpoint_url=endpoint, **CREDENTIALS)
    create_table(bare, "bench-bare")
    track(table, queued(body()))  # the first calls of a client load its model
    times = []
    for _ in range(ROUNDS):
        messages = queued(body())
        transactions.clear()
        ours = _seconds(partial(track, table, messages))
        items = [_moved(each["TransactItems"]) for each in transactions]
        times.append((ours, _seconds(partial(_send, bare, items))))
    return min(ours for ours, _ in times), min(theirs for _, theirs in times)


def _moved(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{verb: write | {"TableName": "bench-bare"} for verb, write in item.items()} for item in items]


def _send(client: Any, transactions: Sequence[list[dict[str, Any]]]) -> None:  # noqa: ANN401 - a bare client
    for items in transactions:
        client.transact_write_items(TransactItems=items)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
