"""Changes in the table's stream: publish what they announce on the event bus."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.announcements.announcer import announce
from tollkeeper.telemetry import logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Announce a batch, and name the records that must come again."""
    announced = announce(event["Records"], runtime.event_bus(), runtime.clock())
    metrics.add_metric("Announced", MetricUnit.Count, announced.published)
    return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(announced.failed)]}
