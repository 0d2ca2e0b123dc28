"""GET /quota/{eventType}: what a user has left of a metric, in one read and without a framework."""

import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.rules.accounts import period_at
from tollkeeper.rules.limits import standing
from tollkeeper.rules.times import iso
from tollkeeper.telemetry import logger

LONGEST_USER_ID = 256


@logger.inject_lambda_context
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request."""
    metric = event["pathParameters"]["eventType"]
    user_id = (event.get("queryStringParameters") or {}).get("userId", "")
    metrics = runtime.catalogue().metrics
    if metric not in metrics:
        return _invalid("eventType", f"unknown metric; known are {', '.join(metrics)}")
    if not 1 <= len(user_id) <= LONGEST_USER_ID:
        return _invalid("userId", f"must have 1 to {LONGEST_USER_ID} characters")
    now = runtime.clock().now()
    account = runtime.accounts().read(user_id, since=now)
    period = period_at(account, now, runtime.offer())
    stand = standing(period.terms, metric, period.used.get(metric, 0), period.incurred.get(metric, 0))
    return _reply(
        HTTPStatus.OK,
        {
            "allowed": stand.allowed,
            "limit": stand.limit,
            "current": stand.current,
            "remaining": stand.remaining,
            "planTier": period.terms.plan,
            "onLimit": stand.on_limit,
            "resetsAt": iso(period.end) if period.end else None,
        },
    )


def _invalid(field: str, message: str) -> dict[str, Any]:
    return _reply(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        {
            "error": "validation_failed",
            "message": f"{field}: {message}",
            "fields": [{"path": field, "message": message}],
        },
    )


def _reply(status: HTTPStatus, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
