"""What a check and a consume cost: requests, read units, and processor time over one bare read."""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3

from functions.quota.app import answer, handler
from tests.bench.capacity import MeteredTable
from tests.bench.figures import Figure, Paired
from tests.examples import CATALOGUE, ENVIRONMENT, OFFER, SUBSCRIPTION, bound
from tests.fakes.api_gateway import SERVICE_CLAIMS
from tests.fakes.runtime import FakeContext
from tollkeeper.aws import AWS
from tollkeeper.ledger import keys
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users
from tollkeeper.quota.quota import Quota
from tollkeeper.runtime import authorizer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CALLS = 50
ROUNDS = 31
SUBSCRIBER = "user_2abcDEFghiJKLmno1234"
NEWCOMER = "user_2abcDEFghiJKLmno5678"
FREE_DESIGNS = 3
MOST_LINES = 30
AS_SERVICE = {"authorizer": {"jwt": {"claims": SERVICE_CLAIMS}}}
DATA = {"method": "POST", "path": "/api/calculations/lighting", "status": 200}


def figures() -> list[Figure]:
    """Measure, with the DynamoDB that this process is pointed at for requests and processor time."""
    now = datetime.now(UTC)
    client = boto3.client("dynamodb", config=AWS)  # as the function's own, so that neither gains by it
    table = DynamoTable(client, ENVIRONMENT["TABLE_NAME"])
    subscribe(table, now)
    checks, consumes = requests(client, table, now)
    times = processor_times(client, table, now)
    return [
        Figure("quota_requests", "DynamoDB requests per check", checks, 1),
        Figure("quota_read_units", "read units per check", read_units(now), 1),
        Figure(
            "quota_cpu_ratio",
            f"a check over one bare get_item ({times} ms)",
            times.ratio,
            1.6,
        ),
        Figure("consume_requests", "DynamoDB requests per consume, yes or no", consumes, 2),
    ]


def subscribe(table: Table, now: datetime) -> None:
    """Make a professional of the subscriber, ten days into a period, with something used of every metric."""
    started = now - timedelta(days=10)
    subscription = replace(
        SUBSCRIPTION, created=started, period_start=started, period_end=started + timedelta(days=30)
    )
    users = Users(table)
    user = users.read(SUBSCRIBER, now)
    users.write_subscription(user, subscription, bound(user, subscription))
    SpendingCaps(table, OFFER).set(SUBSCRIBER, 100_00, now, for_seconds(5))
    for metric in CATALOGUE.metrics:
        ask(table, consume(SUBSCRIBER, metric), now)


def requests(client: "DynamoDBClient", table: Table, now: datetime) -> tuple[int, int]:
    """Return the most requests that a check makes, and a consume: the first, another, the same, and a no."""
    sent: list[str] = []
    client.meta.events.register("before-send.dynamodb", lambda **_: sent.append("one"))

    def made_for(event: Mapping[str, Any], expected: int) -> int:
        sent.clear()
        status = ask(table, event, now)
        if status != expected:
            raise RuntimeError(f"{event} was answered {status}")
        return len(sent)

    checks = [made_for(check(user, "designsCreated"), 200) for user in (NEWCOMER, SUBSCRIBER)]
    first = consume(NEWCOMER, "designsCreated")
    consumes = [
        made_for(first, 200),
        made_for(first, 200),
        made_for(consume(NEWCOMER, "designsCreated"), 200),
        made_for(consume(NEWCOMER, "designsCreated", FREE_DESIGNS), 402),
        made_for(consume(SUBSCRIBER, "apiCalls"), 200),
    ]
    return max(checks), max(consumes)


def read_units(now: datetime) -> float:
    """Return the most read units of a check, before and after the row of the period is full of lines."""
    table = MeteredTable()
    subscribe(table, now)
    checks = []
    for _ in range(MOST_LINES):
        ask(table, consume(SUBSCRIBER, "apiCalls"), now)
        table.read_units = 0.0
        ask(table, check(SUBSCRIBER, "apiCalls"), now)
        checks.append(table.read_units)
    return max(checks)


def processor_times(client: "DynamoDBClient", table: Table, now: datetime) -> Paired:
    """Return the milliseconds of the whole handler for a check, and of one bare read of a period's row."""
    user = Users(table).read(SUBSCRIBER, now)
    row = keys.period(SUBSCRIBER, user.periods[0])
    key = {"pk": {"S": row.pk}, "sk": {"S": row.sk}}
    ours = partial(handler, check(SUBSCRIBER, "apiCalls"), FakeContext())
    bare = partial(client.get_item, TableName=ENVIRONMENT["TABLE_NAME"], Key=key, ConsistentRead=True)
    return Paired([(_milliseconds(ours), _milliseconds(bare)) for _ in range(ROUNDS)])


def ask(table: Table, event: Mapping[str, Any], now: datetime) -> int:
    """Answer a request as the function does, at a table; return the status."""
    quota = Quota(Consuming(table, OFFER))
    upgrade_url = ENVIRONMENT["UPGRADE_URL"]
    answered = answer({**event}, authorizer(), quota, CATALOGUE.metrics, upgrade_url, now, for_seconds(8))
    return answered["statusCode"]


def check(user: str, metric: str) -> dict[str, Any]:
    """Return the request for what a user has left."""
    return {
        "routeKey": "GET /quota/{eventType}",
        "pathParameters": {"eventType": metric},
        "queryStringParameters": {"userId": user},
        "requestContext": AS_SERVICE,
    }


def consume(user: str, metric: str, quantity: int = 1) -> dict[str, Any]:
    """Return a request to consume, under an id of its own."""
    body = {
        "userId": user,
        "id": str(uuid.uuid4()),
        "quantity": quantity,
        "facilityId": "greenhouse-2",
        "eventData": DATA,
    }
    return {
        "routeKey": "POST /quota/{eventType}/consume",
        "pathParameters": {"eventType": metric},
        "body": json.dumps(body),
        "requestContext": AS_SERVICE,
    }


def _milliseconds(work: Callable[[], object]) -> float:
    """Return the processor time of one call, on average, in this thread."""
    work()
    begun = time.thread_time()
    for _ in range(CALLS):
        work()
    return (time.thread_time() - begun) / CALLS * 1000
