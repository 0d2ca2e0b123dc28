"""Changes in the table's stream: publish what they announce on the event bus."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.announcements.announcer import announce
from tollkeeper.runtime import announcements
from tollkeeper.telemetry import logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Announce a batch, and name the records that must come again."""
    announced = announce(
        event["Records"], announcements.event_bus(), announcements.stream_dead_letters(), runtime.clock()
    )
    metrics.add_metric("Announced", MetricUnit.Count, announced.published)
    if announced.put_aside:  # a custom metric costs by the hours in which it is told
        metrics.add_metric("ChangesPutAside", MetricUnit.Count, announced.put_aside)
    return {"batchItemFailures": [{"itemIdentifier": each} for each in sorted(announced.failed)]}
