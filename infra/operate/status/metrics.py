"""Figures from CloudWatch: of the last hour, or of the last day where a thing happens daily."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from infra.operate.stacks import Stack
from infra.operate.status.figures import Figure, at_most

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricStatTypeDef, MetricTypeDef

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

LATE_SECONDS = 900
"""How long usage may wait, and an announcement be late."""


MOST_REFUSED = 10
"""Deliveries in an hour: strangers knock at a public address now and then, and so does a smoke run."""


class Metric(NamedTuple):
    """A metric of CloudWatch's, and over how long it is taken together."""

    namespace: str
    name: str
    dimension: str
    value: str
    stat: str = "Sum"
    over: timedelta = HOUR


class Metrics:
    """All that CloudWatch knows of some metrics, asked for at once. None is what nobody has counted."""

    def __init__(self, client: "CloudWatchClient", metrics: Sequence[Metric], now: datetime) -> None:
        self._values: dict[Metric, float] = {}
        for over in {each.over for each in metrics}:
            asked = {f"m{number}": each for number, each in enumerate(metrics) if each.over == over}
            pages = client.get_paginator("get_metric_data").paginate(
                MetricDataQueries=[_query(name, each) for name, each in asked.items()],
                StartTime=now - over,
                EndTime=now + timedelta(minutes=1),
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    if result["Values"]:
                        metric = asked[result["Id"]]
                        together = sum if metric.stat == "Sum" else max
                        before = [self._values[metric]] if metric in self._values else []
                        self._values[metric] = together([*before, *result["Values"]])

    def __getitem__(self, metric: Metric) -> float | None:
        """Return what a metric came to."""
        return self._values.get(metric)


def _query(name: str, of: Metric) -> "MetricDataQueryTypeDef":
    period = 300 if of.over == HOUR else 3600
    metric: MetricTypeDef = {
        "Namespace": of.namespace,
        "MetricName": of.name,
        "Dimensions": [{"Name": of.dimension, "Value": of.value}],
    }
    stat: MetricStatTypeDef = {"Metric": metric, "Period": period, "Stat": of.stat}
    return {"Id": name, "MetricStat": stat}


def figures(
    client: "CloudWatchClient", stack: Stack, table: str, metrics_of_usage: Sequence[str], now: datetime
) -> Iterator[Figure]:
    """Return the figures that only CloudWatch has, of the hour before an instant of the wall clock.

    `table` is the name of the stack's table, which may be one that was restored.
    """
    wanted = _wanted(stack, table, metrics_of_usage)
    found = Metrics(client, [*wanted.values()], now)

    def value(name: str) -> float | None:
        return found[wanted[name]]

    for metric in metrics_of_usage:
        if (counted := value(f"usage {metric}")) is not None:
            yield Figure("usage", f"counted: {metric}", counted / 60, "a minute")
    yield Figure("usage", "sent again", value("duplicates"), "records in the hour")
    yield Figure("usage", "put aside", value("refused"), "records in the hour")
    for name in ("usage", "Stripe's events"):
        note = "see the log of UsageTracker" if name == "usage" else "see the log of StripeEvents"
        yield at_most("queues", f"{name}: oldest", value(f"oldest {name}"), LATE_SECONDS, "s", note)
    late = value("late")
    seconds = None if late is None else late / 1000
    yield at_most("queues", "changes: oldest", seconds, LATE_SECONDS, "s", "see the log of Announcer")
    yield Figure("table", "conflicts", value("conflicts"), "in the hour")
    throttled = _sum(value("write throttles"), value("read throttles"))
    note = "the table grows with its load; if it lasts, see docs/scale.md"
    yield at_most("table", "throttled", throttled, 0, "in the hour", note)
    yield Figure("quota", "calls", value("quota"), "in the hour")
    for name in ("p50", "p99"):
        yield Figure("quota", name, value(f"quota {name}"), "ms")
    yield Figure("webhook", "deliveries", value("deliveries"), "in the hour")
    note = "is its secret the one that Stripe signs with?"
    yield at_most("webhook", "refused", value("webhook 4xx"), MOST_REFUSED, "in the hour", note)
    failed = _sum(value("webhook 5xx"), value("webhook errors"))
    yield at_most("webhook", "failed", failed, 0, "in the hour", "see the log of StripeWebhook")
    note = "raise WebhookConcurrency, or see who floods it"
    yield at_most("webhook", "throttled", value("webhook throttles"), 0, "in the hour", note)
    note = "run `tollkeeper reconcile`, which names each"
    yield at_most("reconciler", "drift", value("drift"), 0, "in the day", note)
    for name in stack.of_type("AWS::Lambda::Function"):
        errors = value(f"errors of {name}")
        if errors:
            yield at_most("functions", f"{name} failed", errors, 0, "in the hour", f"see the log of {name}")


def _sum(*values: float | None) -> float | None:
    known = [each for each in values if each is not None]
    return sum(known) if known else None


def _wanted(stack: Stack, table: str, metrics_of_usage: Sequence[str]) -> Mapping[str, Metric]:
    functions = stack.of_type("AWS::Lambda::Function")
    queues = {name: url.rpartition("/")[2] for name, url in stack.of_type("AWS::SQS::Queue").items()}

    def ours(name: str, over: timedelta = HOUR) -> Metric:
        return Metric("Tollkeeper", name, "service", stack.name, over=over)

    def of_function(name: str, metric: str, stat: str = "Sum") -> Metric:
        return Metric("AWS/Lambda", metric, "FunctionName", functions[name], stat)

    def of_table(metric: str) -> Metric:
        return Metric("AWS/DynamoDB", metric, "TableName", table)

    def oldest(queue: str) -> Metric:
        return Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queues[queue], "Maximum")

    return {
        **{f"usage {metric}": ours(f"Usage_{metric}") for metric in metrics_of_usage},
        "duplicates": ours("UsageDuplicates"),
        "refused": ours("UsageRefused"),
        "oldest usage": oldest("UsageQueue"),
        "oldest Stripe's events": oldest("StripeEventQueue"),
        "late": of_function("Announcer", "IteratorAge", "Maximum"),
        "conflicts": of_table("TransactionConflict"),
        "write throttles": of_table("WriteThrottleEvents"),
        "read throttles": of_table("ReadThrottleEvents"),
        "quota": of_function("Quota", "Invocations"),
        "quota p50": of_function("Quota", "Duration", "p50"),
        "quota p99": of_function("Quota", "Duration", "p99"),
        "deliveries": of_function("StripeWebhook", "Invocations"),
        "webhook 4xx": of_function("StripeWebhook", "Url4xxCount"),
        "webhook 5xx": of_function("StripeWebhook", "Url5xxCount"),
        "webhook errors": of_function("StripeWebhook", "Errors"),
        "webhook throttles": of_function("StripeWebhook", "Throttles"),
        "drift": ours("Reconciler_drift", DAY),
        **{f"errors of {name}": of_function(name, "Errors") for name in functions},
    }
