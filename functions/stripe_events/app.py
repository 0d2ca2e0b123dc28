"""Queued Stripe events: ask Stripe what is true now, and write it to the user's row."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.telemetry import logger, metrics

processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def follow(record: SQSRecord) -> None:  # Powertools hands it over by this name
    """Follow the event of one message; if that fails, the message comes again."""
    try:
        event = StripeEvent.read(record.body)
        outcome = runtime.stripe_events().follow(event, runtime.clock().now())
    except Exception:
        logger.exception(
            "A Stripe event could not be followed; it will come again", extra={"messageId": record.message_id}
        )
        raise
    metrics.add_metric(outcome, MetricUnit.Count, 1)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Follow each event of a batch; those that fail come again."""
    return dict(process_partial_response(event, follow, processor, context))
