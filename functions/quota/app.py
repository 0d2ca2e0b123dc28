"""/quota/{eventType}: what a user has left of a metric, consumed and released, without a framework."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.api import errors, quota_replies, quota_requests
from tollkeeper.api.authorization import Authorizer
from tollkeeper.api.replies import Reply
from tollkeeper.ledger.patience import Patience
from tollkeeper.quota.quota import Quota
from tollkeeper.runtime import quota as runtime_quota
from tollkeeper.telemetry import logger

runtime.get_ready(runtime.catalogue, runtime_quota.quota, runtime.clock)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _: LambdaContext) -> Reply:
    """Answer an HTTP API request."""
    return answer(
        event,
        runtime.authorizer(),
        runtime_quota.quota(),
        runtime.catalogue().metrics,
        runtime.settings().upgrade_url,
        runtime.clock().now(),
        runtime.patience(),
    )


def answer(
    event: dict[str, Any],
    authorizer: Authorizer,
    quota: Quota,
    metrics: Collection[str],
    upgrade_url: str,
    now: datetime,
    patience: Patience,
) -> Reply:
    """Answer a request at a time; `upgrade_url` is where a user who reached a limit can change plans."""
    try:
        authorizer.service(event)
        question = quota_requests.read(event, metrics, now)
        return quota_replies.reply_to(quota.ask(question, patience), upgrade_url)
    except Exception as error:  # noqa: BLE001 - what is none of the contract's errors is raised again
        return errors.reply_to(error)
