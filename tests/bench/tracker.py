"""How long the tracker takes for a full real batch, and what one user's row takes, on a virtual clock.

What is measured is the processor's time of the tracker's own code and boto3's, up to the wire: each request
is answered there, at a time that is added up. What is assumed stands in `virtual`.
"""

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

import boto3
from botocore.awsrequest import AWSResponse

from tests.bench.capacity import size, write_units
from tests.bench.figures import Figure
from tests.bench.virtual import PROCESSOR, Conflicts, Lanes, Throughput, latency
from tests.examples import OFFER
from tests.fakes.sqs import FakeSqs
from tests.fakes.table import MemoryTable
from tests.ledger.tables import CREDENTIALS
from tollkeeper.aws import AWS
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.dynamo import DynamoTable, unmarshal
from tollkeeper.ledger.patience import ContendedError, Patience
from tollkeeper.ledger.table import Key, Refused, Row, TransactionCancelledError, Write
from tollkeeper.ledger.tracking import MessageAttempts, QueueBacklog
from tollkeeper.rules.times import iso
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.runtime.usage import TRACKER_WORKERS
from tollkeeper.usage.batch import Message
from tollkeeper.usage.messages import compact, pack
from tollkeeper.usage.queue import DeadLetters
from tollkeeper.usage.tracker import Tracker

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MESSAGES = 93
RECORDS = 23_000
"""What Lambda hands over at once: as many messages of 60 KB as 6 MB hold."""

TIMEOUT_SECONDS = 55.0


class Wire:
    """Answers a DynamoDB client's requests where they would leave the machine, at the assumed latencies."""

    def __init__(self, lanes: Lanes, chance: random.Random) -> None:
        self.lanes = lanes
        self.throughput = Throughput()
        self.requests = 0
        self.throttled = 0
        self._chance = chance

    def answer(self, request: Any, **_: object) -> AWSResponse:  # noqa: ANN401 - botocore's own
        """Answer a request."""
        with self.lanes.aside():
            self.requests += 1
            operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
            asked = json.loads(request.body)
            items = asked.get("TransactItems", [])
            units = sum(2 * write_units(_bytes(item)) for item in items)
        if operation != "TransactWriteItems":
            self.lanes.wait(latency(self._chance, 6, 30))
            return _response(
                request, 200, {"Responses": {name: [] for name in asked.get("RequestItems", {})}, "Items": []}
            )
        self.lanes.wait(latency(self._chance, 12 + 0.35 * len(items), 60 + 0.35 * len(items)))
        if self.throughput.take(units, self.lanes.now()):
            return _response(request, 200, {})
        self.throttled += 1
        reasons = [{"Code": "ThrottlingError", "Message": "throttled"} for _ in items]
        body = {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled",
            "CancellationReasons": reasons,
        }
        return _response(request, 400, body)


def _bytes(item: Mapping[str, Any]) -> int:
    """Return about what a written row comes to: what the write says of it."""
    if "Put" in item:
        return size(unmarshal(item["Put"]["Item"]))
    update = item["Update"]
    values = unmarshal(update.get("ExpressionAttributeValues", {}))
    names = sum(len(name) for name in update.get("ExpressionAttributeNames", {}).values())
    return size(unmarshal(update["Key"])) + size(values) + names


def _response(request: Any, status: int, body: Mapping[str, object]) -> AWSResponse:  # noqa: ANN401 - botocore's own
    headers: Any = {"content-type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, status, headers, _Raw(json.dumps(body).encode()))


class _Raw:
    """A body as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        """Return the body, in one piece."""
        yield self._body


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one batch: virtual seconds, what came back, what became a dead letter."""

    seconds: float
    failed: int
    letters: int
    throttled: int


def run(users: int, records: int = RECORDS) -> Run:
    """Let the tracker take a full batch with records of so many users, each new to the ledger."""
    lanes = Lanes(TRACKER_WORKERS, share=PROCESSOR)
    wire = Wire(lanes, random.Random(users))  # noqa: S311 - draws latencies
    client = boto3.client("dynamodb", config=AWS, **CREDENTIALS)
    client.meta.events.register("before-send.dynamodb", cast("Any", wire.answer))
    table, letters = DynamoTable(client, "ledger"), FakeSqs()
    tracker = Tracker(
        Counting(table, OFFER),
        DeadLetters(cast("Any", letters), "https://sqs.test/dead"),
        MessageAttempts(table),
        QueueBacklog(table),
        OFFER.catalogue.metrics,
        lanes.side_by_side,
    )
    batch = list(_messages(users, records))
    begun = lanes.now()
    patience = Patience(lambda: begun + TIMEOUT_SECONDS - lanes.now(), lanes.wait)
    tracked = tracker.track(batch, NOW, patience)
    return Run(lanes.now() - begun, len(tracked.failed), len(letters.bodies), wire.throttled)


def _messages(users: int, records: int) -> Iterator[Message]:
    numbers = count()
    for message in range(MESSAGES):
        texts = []
        for _ in range(records * (message + 1) // MESSAGES - records * message // MESSAGES):
            number = next(numbers)
            record = {
                "id": f"0b5c7c1e-8a53-4c35-9ad7-{number:012}",
                "userId": f"user_2abcDEFghiJKLmno{number % users:05}",
                "eventType": "apiCalls",
                "quantity": 1,
                "timestamp": iso(NOW),
                "eventData": {"method": "POST", "path": "/api/calculations", "status": 200},
            }
            texts.append(compact(record))
        yield Message(str(message), pack(texts, NOW), NOW)


class RowTable(MemoryTable):
    """A table with one user's rows, at which transactions meet."""

    def __init__(self, lanes: Lanes, chance: random.Random) -> None:
        super().__init__()
        self.lanes = lanes
        self._conflicts = Conflicts()
        self._chance = chance

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Read neighbours, after a while."""
        self.lanes.wait(latency(self._chance, 5, 25))
        return super().query(pk, first, last, most)

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Read rows, after a while."""
        self.lanes.wait(latency(self._chance, 6, 30))
        return super().get_all(keys)

    def transact(self, writes: Sequence[Write]) -> None:
        """Write, unless another transaction is at one of the rows."""
        self.lanes.wait(latency(self._chance, 12 + 0.35 * len(writes), 60))
        if self._conflicts.meet([write.key for write in writes], self.lanes.now()):
            raise TransactionCancelledError([Refused() for _ in writes])
        super().transact(writes)


@dataclass(frozen=True, slots=True)
class Consumes:
    """What came of consumes of one user at a rate: yeses a second, the share that got none, the slowest."""

    offered: float
    answered: float
    unavailable: float
    late: float


def consume(rate: float, seconds: float = 20.0) -> Consumes:
    """Let so many consumes a second come for one user, each with eight seconds of patience."""
    calls = int(rate * seconds)
    lanes, chance = Lanes(calls), random.Random(int(rate))  # noqa: S311 - draws times
    table = RowTable(lanes, chance)
    consuming = Consuming(table, OFFER)
    arrivals = sorted(chance.uniform(0, seconds) for _ in range(calls))

    def call(number: int) -> float | None:
        lanes.wait_until(arrivals[number])
        begun = lanes.now()
        record = UsageRecord(f"id-{number}", "ada", "roomsCreated", 1, NOW, NOW)
        try:
            consuming.consume(record, Patience(lambda: begun + 8.0 - lanes.now(), lanes.wait))
        except ContendedError:
            return None
        return lanes.now()

    ends = lanes.side_by_side(call, range(calls))
    done = [end for end in ends if end is not None]
    took = sorted(end - arrivals[number] for number, end in enumerate(ends) if end is not None)
    return Consumes(
        offered=rate,
        answered=len([end for end in done if end <= seconds]) / seconds,
        unavailable=1 - len(done) / calls,
        late=took[int(len(took) * 0.95)] if took else 0.0,
    )


def figures() -> list[Figure]:
    """Measure full batches: of few users, of some, and of so many that most bring two records."""
    run(50, 500)  # the first calls of a client load its model
    dense, mixed, sparse, lone = run(50), run(2_000), run(10_000), run(RECORDS)
    back = sparse.failed + sparse.letters
    ways = {"dense": (dense, "50 users"), "mixed": (mixed, "2,000 users"), "lone": (lone, "one a user")}
    return [
        Figure("tracker_batch_seconds", "a full batch of 10,000 users (assumed)", sparse.seconds, 30),
        Figure("tracker_batch_given_back", "… its messages given back or dead letters", back, 0),
        *(
            Figure(
                f"tracker_records_per_second_{name}",
                f"records a second, {what} (assumed)",
                RECORDS / of.seconds,
            )
            for name, (of, what) in ways.items()
        ),
        *(
            Figure(
                f"row_consumes_per_second_{each.offered:.0f}",
                f"one user's yeses a second where {each.offered:.0f} are asked (assumed); "
                f"95 % of them within {each.late:.1f} s",
                each.answered,
            )
            for each in map(consume, (25.0, 50.0, 100.0, 200.0))
        ),
    ]
