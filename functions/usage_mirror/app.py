"""Every hour: show Stripe the usage of the days that ended two hours ago or earlier."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.ledger.patience import Patience
from tollkeeper.runtime import mirror
from tollkeeper.telemetry import logger, metrics

RESERVE_SECONDS = 15.0
"""Kept of the function's time for what is under way when it is up."""


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Run once, and say in numbers what was done.

    Raises:
        RuntimeError: some days could not be shown, which shows in the function's errors; they stay due.
    """
    patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    report = mirror.usage_mirror().run(runtime.clock().now(), patience)
    for name, number in report.items():  # a custom metric costs by the hours in which it is told
        metrics.add_metric(f"Mirror_{name}", MetricUnit.Count, number)
    logger.info("Mirrored", extra=dict(report))
    if report["failed"]:
        raise RuntimeError(f"{report['failed']} days could not be shown; see the log")
    return dict(report)
