"""Asking /quota/{eventType} as API Gateway does, of a ledger in memory."""

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from functions.quota.app import answer
from tests.examples import CATALOGUE, NOW, OFFER, RECORD, SUBSCRIPTION, bound
from tests.fakes.api_gateway import SERVICE_CLAIMS, Answer
from tests.fakes.table import MemoryTable
from tollkeeper.api.authorization import Authorizer
from tollkeeper.catalogue import Mode
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.users import Users
from tollkeeper.quota.quota import Quota
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Subscription

UPGRADE_URL = "https://app.example.com/pricing"
AUTHORIZER = Authorizer("tollkeeper", "tollkeeper-service", "billing:service")
AS_SERVICE = {"requestContext": {"authorizer": {"jwt": {"claims": SERVICE_CLAIMS}}}}
WISH: Mapping[str, object] = {"userId": "ada", "id": "wish-1"}

DESIGNS = {"allowed": True, "limit": 3, "current": 0, "remaining": 3, "planTier": "free", "onLimit": "block"}
IN_NOVEMBER = {"resetsAt": "2025-12-01T00:00:00Z"}
IN_HER_PERIOD = {"resetsAt": "2025-12-03T09:30:15Z"}


def ask(consuming: Consuming, route: str, event: Mapping[str, Any], now: datetime) -> Answer:
    """Send an event as API Gateway would for a route."""
    found = answer(
        {"routeKey": route, **AS_SERVICE, **event},
        AUTHORIZER,
        Quota(consuming),
        CATALOGUE.metrics,
        UPGRADE_URL,
        now,
        for_seconds(8),
    )
    return Answer(found["statusCode"], json.loads(found["body"]), found["headers"])


def check(
    table: MemoryTable, metric: str, user: str | None = "ada", now: datetime = NOW, offer: Offer = OFFER
) -> Answer:
    """Ask what is left."""
    query = {} if user is None else {"userId": user}
    event = {"pathParameters": {"eventType": metric}, "queryStringParameters": query or None}
    return ask(Consuming(table, offer), "GET /quota/{eventType}", event, now)


def post(
    consuming: Consuming, verb: str, metric: str, body: object, now: datetime = NOW, *, encoded: bool = False
) -> Answer:
    """Ask to consume or to release; a body of text is sent as it is."""
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    if encoded and text is not None:
        text = b64encode(text.encode()).decode()
    event = {"pathParameters": {"eventType": metric}, "body": text, "isBase64Encoded": encoded}
    return ask(consuming, f"POST /quota/{{eventType}}/{verb}", event, now)


def consume(
    table: MemoryTable, metric: str, now: datetime = NOW, offer: Offer = OFFER, **changes: object
) -> Answer:
    """Ask to consume."""
    return post(Consuming(table, offer), "consume", metric, {**WISH, **changes}, now)


def release(table: MemoryTable, metric: str, now: datetime = NOW, **changes: object) -> Answer:
    """Ask to release."""
    return post(Consuming(table, OFFER), "release", metric, {**WISH, **changes}, now)


def subscribe(table: MemoryTable, subscription: Subscription = SUBSCRIPTION) -> None:
    """Write what Stripe says of Ada."""
    users = Users(table)
    user = users.history("ada")
    users.write_subscription(user, subscription, bound(user, subscription))


def track(table: MemoryTable, metric: str, quantity: int, offer: Offer = OFFER) -> None:
    """Count what Ada did without asking."""
    counting = Counting(table, offer)
    [user] = counting.profiles(["ada"])
    record = replace(RECORD, id=f"tracked-{metric}", metric=metric, quantity=quantity)
    counting.count(user, [record], now=NOW, patience=for_seconds(1))


def used(table: MemoryTable, metric: str) -> int:
    """Return what a check tells of Ada's usage."""
    current: int = check(table, metric).body["current"]
    return current


def observing(metric: str) -> Offer:
    """Return an offer in which a metric is only observed."""
    observed = replace(CATALOGUE.metrics[metric], mode=Mode.OBSERVE)
    return Offer(replace(CATALOGUE, metrics={**CATALOGUE.metrics, metric: observed}), OFFER.bill_overage_from)


def failure(answer: Answer) -> tuple[int, str]:
    """Return what programs read of an error."""
    return answer.status, answer.body["error"]
