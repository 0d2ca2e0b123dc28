"""Every quarter of an hour: close the periods that have ended, and tell Stripe's meters their overage."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.reporting import Reporter
from tollkeeper.telemetry import logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_: dict[str, Any], __: LambdaContext) -> dict[str, Any]:
    """Run once, and say in numbers what was done."""
    reporter = Reporter(
        runtime.accounts(),
        runtime.closing(),
        runtime.stripe_gateway(),
        runtime.catalogue(),
        runtime.settings().deployment,
    )
    report = asdict(reporter.run(runtime.clock().now()))
    metrics.add_metric("PeriodsClosed", MetricUnit.Count, report["closed"])
    metrics.add_metric("MeterEventsSent", MetricUnit.Count, report["sent"])
    metrics.add_metric("MeterEventsWaiting", MetricUnit.Count, report["waiting"])
    logger.info("Reported", extra=report)
    return report
