"""What the stack costs in a month in which nobody uses it, from template.yaml."""

from typing import Any

from tests.bench import prices
from tests.bench.capacity import MeteredTable
from tests.bench.figures import Figure
from tests.ledger.tables import template
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.shown_days import ShownDays
from tollkeeper.rules.times import from_epoch

RUNS_PER_MONTH = {"rate(15 minutes)": 30 * 24 * 4, "rate(1 hour)": 30 * 24, "rate(1 day)": 30}
IDLE_RUN_GB_SECONDS = 0.05 * 0.5
"""A run that finds nothing: a twentieth of a second at half a gigabyte, generously."""


def figures() -> list[Figure]:
    """Price the queues that Lambda polls, alarms by their metrics, and the scheduled runs and their reads."""
    resources: dict[str, Any] = template()["Resources"]
    events = [
        event
        for resource in resources.values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
    ]
    polled = sum(event["Type"] == "SQS" for event in events)
    alarms = sum(
        max(1, sum("MetricStat" in each for each in resource["Properties"].get("Metrics", [])))
        for resource in resources.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    )
    runs = sum(
        RUNS_PER_MONTH[event["Properties"]["ScheduleExpression"]]
        for event in events
        if event["Type"] == "ScheduleV2"
    )
    run = (
        prices.SCHEDULE_INVOCATION
        + prices.LAMBDA_REQUEST
        + IDLE_RUN_GB_SECONDS * prices.LAMBDA_GB_SECOND
        + _idle_reads() * prices.DYNAMODB_READ
    )
    dollars = (
        polled * prices.SQS_POLLS_PER_MONTH * prices.SQS_REQUEST + alarms * prices.ALARM_MONTH + runs * run
    )
    return [Figure("idle_usd_per_month", "US dollars a month for the stack, unused", dollars, 2.00)]


def _idle_reads() -> float:
    """Return the read units of a run of reporter and mirror that finds nothing, taken for any run."""
    table = MeteredTable()
    list(Closing(table).ended(from_epoch(0)))
    list(Bills(table).due(from_epoch(0)))
    list(ShownDays(table).due(from_epoch(0)))
    return table.read_units
