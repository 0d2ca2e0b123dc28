"""Queued Stripe events: ask Stripe what is true now, and write it to the user's row."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.ledger.patience import Patience
from tollkeeper.queues import seconds_until_again
from tollkeeper.runtime import stripe_events
from tollkeeper.subscriptions.event_batch import EventBatch, QueuedEvent
from tollkeeper.subscriptions.event_workers import side_by_side
from tollkeeper.subscriptions.stripe_events import Outcome
from tollkeeper.telemetry import logger, metrics

RESERVE_SECONDS = 5.0
"""Kept of the function's time for dead letters and the answer."""


def message(record: dict[str, Any]) -> QueuedEvent:
    """Read a message as Lambda hands it over."""
    attributes = record["attributes"]
    return QueuedEvent(
        message_id=record["messageId"],
        body=record["body"],
        receives=int(attributes["ApproximateReceiveCount"]),
        # The wall clock's, and not the deployment's: by the former it is known when Stripe was asked.
        sent_at=datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC),
    )


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Follow the events of a batch, and name the messages that must come again."""
    patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    messages = {each["receiptHandle"]: message(each) for each in event["Records"]}
    batch = EventBatch([*messages.values()], stripe_events.stripe_events())
    several = side_by_side(runtime.settings().stripe_calls_each)
    followed = batch.follow(runtime.clock().now(), patience, stripe_events.dead_events(), several)
    for outcome, count in followed.outcomes.items():
        metrics.add_metric(outcome, MetricUnit.Count, count)
    if failed := followed.outcomes[Outcome.FINALIZATION_FAILED]:
        metrics.add_metric("PeriodsInTrouble", MetricUnit.Count, failed)
    if followed.letters:
        reasons = [reason for _, reason in followed.letters]
        logger.error("Stripe events became dead letters", extra={"reasons": reasons})
    stripe_events.stripe_event_queue().show_again(
        {
            receipt: seconds_until_again(each.receives, begun=each.message_id not in followed.postponed)
            for receipt, each in messages.items()
            if each.message_id in followed.failed
        }
    )
    return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(followed.failed)]}
