"""Once a day: see that closed periods, their charges and the lines of final invoices are one number."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper.ledger.patience import Patience
from tollkeeper.runtime import periods
from tollkeeper.telemetry import logger, metrics

RESERVE_SECONDS = 15.0
"""Kept of the function's time for what is under way when it is up."""


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Run once, and say in numbers what was found.

    Raises:
        RuntimeError: some periods could not be compared, so that the alarm on failures rings.
    """
    patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    report = periods.reconciler().run(patience)
    metrics.add_metric("Reconciler_drift", MetricUnit.Count, report["drift"])  # nought too: its absence rings
    for name in ("failed", "postponed"):
        if report[name]:  # a custom metric costs by the hours in which it is told
            metrics.add_metric(f"Reconciler_{name}", MetricUnit.Count, report[name])
    logger.info("Reconciled", extra=dict(report))
    if report["failed"]:
        raise RuntimeError(f"{report['failed']} periods could not be compared; see the log")
    return dict(report)
