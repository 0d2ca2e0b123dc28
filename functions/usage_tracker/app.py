"""Queued usage records: count each exactly once."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.ledger.patience import Patience
from tollkeeper.queues import seconds_until_again
from tollkeeper.runtime import usage
from tollkeeper.telemetry import logger, metrics
from tollkeeper.usage.batch import Message

RESERVE_SECONDS = 5.0
"""Kept of the function's time for dead letters and the answer."""


def message(record: dict[str, Any]) -> Message:
    """Read a message as Lambda hands it over."""
    attributes = record["attributes"]
    sent = datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC)
    return Message(
        id=record["messageId"],
        body=record["body"],
        sent_at=runtime.clock().at(sent),
        receives=int(attributes["ApproximateReceiveCount"]),
    )


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Count a batch, and name the messages that must come again."""
    patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    messages = {each["messageId"]: message(each) for each in event["Records"]}
    tracked = usage.tracker().track([*messages.values()], runtime.clock().now(), patience)
    for metric, units in tracked.counted.items():
        metrics.add_metric(f"Usage_{metric}", MetricUnit.Count, units)
    metrics.add_metric("UsageDuplicates", MetricUnit.Count, tracked.duplicates)
    metrics.add_metric("UsageRefused", MetricUnit.Count, tracked.refused.total())
    if tracked.refused:
        logger.warning("Usage became dead letters", extra={"reasons": dict(tracked.refused)})
    receipts = {each["receiptHandle"]: each["messageId"] for each in event["Records"]}
    usage.usage_queue().show_again(
        {
            receipt: seconds_until_again(messages[name].receives, begun=name not in tracked.postponed)
            for receipt, name in receipts.items()
            if name in tracked.failed
        }
    )
    return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(tracked.failed)]}
