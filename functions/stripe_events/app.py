"""Queued Stripe events: ask Stripe what is true now, and write it to the user's row."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.telemetry import logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Follow the events of a batch, and name the messages that must come again."""
    messages = {each["messageId"]: each["body"] for each in event["Records"]}
    followed = runtime.stripe_events().follow_messages(messages, runtime.clock().now())
    for outcome, events in followed.outcomes.items():
        metrics.add_metric(outcome, MetricUnit.Count, events)
    return {"batchItemFailures": [{"itemIdentifier": each} for each in followed.failed]}
