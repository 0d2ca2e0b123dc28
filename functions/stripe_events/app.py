"""Queued Stripe events: ask Stripe what is true now, and write it to the user's row."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.subscribing import synchronise
from tollkeeper.telemetry import logger

processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


def apply(record: SQSRecord) -> None:
    """Bring the user up to date whom an event is about."""
    event = json.loads(record.body)
    try:
        follow(event)
    except Exception:
        logger.exception("A Stripe event could not be applied and comes again", extra={"event": event["id"]})
        raise


def follow(event: dict[str, Any]) -> None:
    """Ask Stripe about the customer whom an event names, and write the answer.

    Raises:
        StripeUnavailableError, StaleRevisionError, …: nothing was written.
    """
    about = event["data"]["object"]
    match event["type"]:
        case "checkout.session.completed" | "invoice.payment_failed" | "invoice.paid" | "invoice.created":
            customer_id = about["customer"]
        case kind if kind.startswith("customer.subscription."):
            customer_id = about["customer"]
        case kind:
            logger.debug("Left a Stripe event alone", extra={"type": kind})
            return
    ours = synchronise(
        customer_id,
        runtime.accounts(),
        runtime.stripe_gateway(),
        runtime.offer(),
        now=runtime.clock().now(),
        event_id=event["id"],
    )
    if not ours:
        logger.debug("Left another deployment's event alone", extra={"event": event["id"]})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Apply each event of a batch; those that fail come again."""
    return dict(process_partial_response(event, apply, processor, context))
