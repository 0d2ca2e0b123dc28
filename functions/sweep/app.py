"""Every hour: ask about who waits for Stripe's word; once a day, put right what webhooks missed."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.ledger.patience import Patience
from tollkeeper.runtime import subscriptions
from tollkeeper.telemetry import logger, metrics

RESERVE_SECONDS = 5.0
"""Kept of the function's time for the answer."""


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sweep, and say in numbers what was done.

    `{"days": 30}` begins at once, and looks back further than a schedule does.
    """
    looks_back = timedelta(days=event["days"]) if "days" in event else None
    patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    swept = asdict(subscriptions.sweep().run(runtime.clock().now(), patience, looks_back))
    for name, number in (
        ("RowsRepaired", swept["repaired"]),
        ("MissedEventsFollowed", swept["followed"]),
        ("SweepFailures", swept["failed"]),
    ):
        if number:  # a custom metric costs by the hours in which it is told
            metrics.add_metric(name, MetricUnit.Count, number)
    logger.info("Swept", extra=swept)
    return swept
