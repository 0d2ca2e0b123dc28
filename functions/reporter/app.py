"""Every quarter of an hour: close the periods that have ended, and tell Stripe's meters their overage."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.telemetry import logger, metrics


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_: dict[str, Any], __: LambdaContext) -> dict[str, int]:
    """Run once, and say in numbers what was done.

    Raises:
        RuntimeError: some periods could not be closed, so that the alarm on failures rings; they stay due.
    """
    report = runtime.reporter().run(runtime.clock().now())
    numbers = asdict(report)
    for name, number in numbers.items():
        if number:  # a custom metric costs by the hours in which it is told
            metrics.add_metric(f"Reporter_{name}", MetricUnit.Count, number)
    logger.info("Reported", extra=numbers)
    if report.failed:
        raise RuntimeError(f"{report.failed} periods could not be closed; see the log")
    return numbers
