"""/quota/{eventType}: what a user has left of a metric, consumed and released, without a framework."""

import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.ledger.consuming import Consumption, Obstacle, ObstacleError
from tollkeeper.ledger.patience import ContendedError, for_seconds
from tollkeeper.quota import WrongUseError, answer, read_consume, read_metric, read_release, read_user_id
from tollkeeper.rules.limits import Barrier
from tollkeeper.telemetry import logger

type Answer = dict[str, Any]

PATIENCE_SECONDS = 8.0
"""How long a race is run before the answer is 503."""

OBSTACLES = {
    Obstacle.UNKNOWN: (HTTPStatus.NOT_FOUND, "This id was never consumed of this metric."),
    Obstacle.CONFLICT: (HTTPStatus.CONFLICT, "This id stands for something else; use a new one."),
    Obstacle.RELEASED: (HTTPStatus.CONFLICT, "This id was consumed and released; use a new one."),
    Obstacle.PERIOD_CLOSED: (HTTPStatus.CONFLICT, "The period is closed; report a correction instead."),
}
BARRIERS = {
    Barrier.LIMIT: ("Usage limit exceeded", "The plan includes no more of this in the present period."),
    Barrier.SPENDING_CAP: ("Spending cap reached", "The overage would cost more than the user accepts."),
}


@logger.inject_lambda_context
def handler(event: dict[str, Any], _: LambdaContext) -> Answer:
    """Answer an HTTP API request."""
    try:
        metric = read_metric(event["pathParameters"]["eventType"], runtime.catalogue().metrics)
        match event["routeKey"].rpartition("/")[2]:
            case "consume":
                return consume(metric, event.get("body") or "")
            case "release":
                return release(metric, event.get("body") or "")
            case _:
                return check(metric, event.get("queryStringParameters") or {})
    except WrongUseError as error:
        return reply(HTTPStatus.UNPROCESSABLE_ENTITY, error.body)
    except ObstacleError as error:
        status, message = OBSTACLES[error.obstacle]
        return reply(status, {"error": error.obstacle, "message": message})
    except ContendedError:
        logger.warning("Answered 503: the race was lost until time was up")
        body = {"error": "unavailable", "message": "Please try again in a moment."}
        return reply(HTTPStatus.SERVICE_UNAVAILABLE, body, {"retry-after": "1"})


def check(metric: str, query: dict[str, str]) -> Answer:
    """Say where the user stands, in one read."""
    seen = runtime.consuming().look(read_user_id(query.get("userId")), runtime.clock().now())
    return reply(HTTPStatus.OK, answer(seen, metric))


def consume(metric: str, body: str) -> Answer:
    """Count what is asked, if it is allowed."""
    record = read_consume(body, metric, runtime.clock().now())
    done = runtime.consuming().consume(record, for_seconds(PATIENCE_SECONDS))
    if done.barrier:
        return reply(HTTPStatus.PAYMENT_REQUIRED, refusal(done, metric, done.barrier))
    return reply(HTTPStatus.OK, {**answer(done, metric), "allowed": True, "id": record.id})


def release(metric: str, body: str) -> Answer:
    """Take back what was consumed under an id."""
    wish = read_release(body)
    done = runtime.consuming().release(wish, metric, runtime.clock().now(), for_seconds(PATIENCE_SECONDS))
    return reply(HTTPStatus.OK, {**answer(done, metric), "id": wish.id})


def refusal(done: Consumption, metric: str, barrier: Barrier) -> Answer:
    """Return the answer of a no, in the words of the contract."""
    error, message = BARRIERS[barrier]
    stand = answer(done, metric)
    del stand["allowed"]
    cap = {"spendingCap": done.account.spending_cap} if barrier is Barrier.SPENDING_CAP else {}
    return {"error": error, "message": message, **stand, **cap, "upgradeUrl": runtime.settings().upgrade_url}


def reply(status: HTTPStatus, body: Answer, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer as API Gateway takes it."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": json.dumps(body),
    }
