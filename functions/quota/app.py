"""/quota/{eventType}: what a user has left of a metric, consumed and released, without a framework."""

import json
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.api.quota_requests import (
    TooLargeError,
    WrongUseError,
    answer,
    read_body,
    read_consume,
    read_metric,
    read_release,
    read_user_id,
)
from tollkeeper.catalogue import Catalogue
from tollkeeper.ledger.consuming import Consuming, Consumption, Obstacle, ObstacleError
from tollkeeper.ledger.patience import ContendedError, for_seconds
from tollkeeper.ledger.table import UnavailableError
from tollkeeper.rules.limits import Barrier
from tollkeeper.rules.usage import MAX_BODY_BYTES
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

runtime.get_ready(runtime.catalogue, runtime.consuming, runtime.clock)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _: LambdaContext) -> Answer:
    """Answer an HTTP API request."""
    desk = Desk(runtime.catalogue(), runtime.consuming(), runtime.settings().upgrade_url)
    return desk.answer(event, runtime.clock().now())


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers the three questions. `upgrade_url` is told with every no."""

    catalogue: Catalogue
    consuming: Consuming
    upgrade_url: str

    def answer(self, event: dict[str, Any], now: datetime) -> Answer:
        """Answer an HTTP API request at a time; errors are told here and nowhere else."""
        try:
            return self.ask(event, now)
        except WrongUseError as error:
            return reply(HTTPStatus.UNPROCESSABLE_ENTITY, error.body)
        except TooLargeError:
            body = {"error": "too_large", "message": f"Send at most {MAX_BODY_BYTES} bytes."}
            return reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, body)
        except ObstacleError as error:
            status, message = OBSTACLES[error.obstacle]
            return reply(status, {"error": error.obstacle, "message": message})
        except (ContendedError, UnavailableError):
            logger.warning("Answered 503: others were at the same rows, or DynamoDB was away", exc_info=True)
            body = {"error": "unavailable", "message": "Please try again in a moment."}
            return reply(HTTPStatus.SERVICE_UNAVAILABLE, body, {"retry-after": "1"})

    def ask(self, event: dict[str, Any], now: datetime) -> Answer:
        """Find out which of the questions a request asks."""
        metric = read_metric(event["pathParameters"]["eventType"], self.catalogue.metrics)
        match event["routeKey"].rpartition("/")[2]:
            case "consume":
                return self.consume(metric, read_body(event), now)
            case "release":
                return self.release(metric, read_body(event), now)
            case _:
                return self.check(metric, event.get("queryStringParameters") or {}, now)

    def check(self, metric: str, query: dict[str, str], now: datetime) -> Answer:
        """Say where the user stands, in one read."""
        return reply(
            HTTPStatus.OK, answer(self.consuming.look(read_user_id(query.get("userId")), now), metric)
        )

    def consume(self, metric: str, body: str, now: datetime) -> Answer:
        """Count what is asked, if it is allowed."""
        record = read_consume(body, metric, now)
        done = self.consuming.consume(record, for_seconds(PATIENCE_SECONDS))
        if done.barrier:
            return reply(HTTPStatus.PAYMENT_REQUIRED, self.refusal(done, metric, done.barrier))
        return reply(HTTPStatus.OK, {**answer(done, metric), "allowed": True, "id": record.id})

    def release(self, metric: str, body: str, now: datetime) -> Answer:
        """Take back what was consumed under an id."""
        wish = read_release(body)
        done = self.consuming.release(wish, metric, now, for_seconds(PATIENCE_SECONDS))
        return reply(HTTPStatus.OK, {**answer(done, metric), "id": wish.id})

    def refusal(self, done: Consumption, metric: str, barrier: Barrier) -> Answer:
        """Return the body of a no, in the words of the contract."""
        error, message = BARRIERS[barrier]
        told = {"error": error, "message": message, **answer(done, metric), "upgradeUrl": self.upgrade_url}
        del told["allowed"]
        if barrier is Barrier.SPENDING_CAP:
            told["spendingCap"] = done.user.spending_cap
        return told


def reply(status: HTTPStatus, body: Answer, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer as API Gateway takes it."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": json.dumps(body),
    }
