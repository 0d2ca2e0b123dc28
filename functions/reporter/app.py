"""Every quarter of an hour: close the periods that have ended, and charge what they owe."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper.ledger.patience import Patience
from tollkeeper.periods.closing import Closed
from tollkeeper.periods.reporter import OLDEST, OVERDUE
from tollkeeper.runtime import periods
from tollkeeper.telemetry import logger, metrics

RESERVE_SECONDS = 15.0
"""Kept of the function's time for what is under way when it is up."""

IN_TROUBLE = (Closed.LATE, Closed.UNSETTLED, OVERDUE)
"""What became of a period that rings: it waits for too long, or closed without all of its usage."""


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Run once, and say in numbers what was done.

    Raises:
        RuntimeError: some periods could not be taken on, so that the alarm on failures rings; they stay due.
    """
    patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
    report = periods.reporter().run(patience)
    for name, number in report.items():  # a custom metric costs by the hours in which it is told
        unit = MetricUnit.Seconds if name == OLDEST else MetricUnit.Count
        metrics.add_metric(f"Reporter_{name}", unit, number)
    if in_trouble := sum(report[each] for each in IN_TROUBLE):
        metrics.add_metric("PeriodsInTrouble", MetricUnit.Count, in_trouble)
    logger.info("Reported", extra=dict(report))
    if report["failed"]:
        raise RuntimeError(f"{report['failed']} periods could not be taken on; see the log")
    return dict(report)
