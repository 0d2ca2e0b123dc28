"""Once a day: put right what webhooks missed."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.subscriptions.sweep import LOOKS_BACK, Sweep
from tollkeeper.telemetry import logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Sweep, and say in numbers what was done; `{"days": 30}` looks back further than a schedule does."""
    looks_back = timedelta(days=event["days"]) if "days" in event else LOOKS_BACK
    sweep = Sweep(runtime.users(), runtime.stripe_gateway(), runtime.offer(), runtime.settings().deployment)
    swept = asdict(sweep.run(runtime.clock().now(), looks_back))
    metrics.add_metric("RowsRepaired", MetricUnit.Count, swept["repaired"])
    metrics.add_metric("MissedEventsFollowed", MetricUnit.Count, swept["followed"])
    metrics.add_metric("SweepFailures", MetricUnit.Count, swept["failed"])
    logger.info("Swept", extra=swept)
    return swept
