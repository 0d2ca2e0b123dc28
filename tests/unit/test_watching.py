"""What operators watch: alarms, their runbook and the dashboard speak of metrics that somebody tells."""

import ast
import json
import logging
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.local.emulator import on_its_first_metric
from infra.local.places import ROOT
from tests.unit.docs.documents import code, table
from tests.unit.template import STACK, holds, parameter, resources, takes, template
from tollkeeper.catalogue import load
from tollkeeper.periods.closing import Closed
from tollkeeper.rules.bills import State
from tollkeeper.subscriptions.stripe_events import Outcome

type Tree = dict[str, Any]

OF_AWS = {
    ("AWS/ApiGateway", ("ApiId",)): {"4xx", "5xx", "Count", "DataProcessed", "IntegrationLatency", "Latency"},
    ("AWS/DynamoDB", ("TableName",)): {
        "ConditionalCheckFailedRequests",
        "ConsumedReadCapacityUnits",
        "ConsumedWriteCapacityUnits",
        "ReadThrottleEvents",
        "TransactionConflict",
        "WriteThrottleEvents",
    },
    ("AWS/Lambda", ()): {"ConcurrentExecutions", "Errors", "Invocations", "Throttles"},
    ("AWS/Lambda", ("FunctionName",)): {
        "Duration",
        "Errors",
        "Invocations",
        "IteratorAge",
        "Throttles",
        "Url4xxCount",
        "Url5xxCount",
        "UrlRequestCount",
    },
    ("AWS/Logs", ("LogGroupName",)): {"IncomingBytes", "IncomingLogEvents"},
    ("AWS/SQS", ("QueueName",)): {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesVisible",
        "NumberOfMessagesSent",
    },
}
"""By namespace and dimensions, what AWS tells (docs.aws.amazon.com, each service's page of its metrics)."""

RUNS = {"Reporter_": "periods/reporter.py", "Mirror_": "mirror/usage_mirror.py", "Usage_": None}
"""What is told by the words of a report, and who makes the report; by the catalogue's metrics, if nobody."""


@cache
def told() -> set[str]:
    """Every metric that the functions' code tells."""
    found: set[str] = set()
    for file in (ROOT / "functions").glob("*/app.py"):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(attr="add_metric"), args=[named, *_]):
                    found |= set(names(named, tree))
    return found


def names(named: ast.expr, tree: ast.Module) -> Iterator[str]:
    """What the first argument of `add_metric` may come to."""
    match named:
        case ast.Constant(value=str(name)):
            yield name
        case ast.JoinedStr(values=[ast.Constant(value=str(prefix)), _]) if prefix in RUNS:
            yield from (prefix + word for word in words(RUNS[prefix]))
        case ast.JoinedStr(values=[ast.Constant(value=str(prefix)), _]):
            yield from (prefix + word for word in texts(tree))
        case ast.Name(id="outcome"):
            yield from Outcome
        case ast.Name(id="name"):
            yield from texts(tree)


def words(module: str | None) -> set[str]:
    """The words in a report: all texts of the module that makes it, and the states of what is reported."""
    if module is None:
        return {*load().metrics}
    return {*texts(ast.parse((ROOT / "shared" / "tollkeeper" / module).read_text())), *Closed, *State}


def texts(tree: ast.Module) -> set[str]:
    """Every text in a module that is one word."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier()
    }


def is_told(namespace: object, name: str, dimensions: Tree) -> bool:
    """Whether somebody tells a metric under these dimensions: the stack's code, its log filter, or AWS."""
    if namespace == "Tollkeeper":
        return name in told() and dimensions == {"service": STACK}
    if namespace == {"Fn::Sub": "Tollkeeper/${AWS::StackName}"}:
        return dimensions == {} and any(
            {"MetricNamespace": namespace, "MetricName": name, "MetricValue": "1"} == each
            for of in resources("AWS::Logs::MetricFilter").values()
            for each in of["MetricTransformations"]
        )
    return name in OF_AWS.get((str(namespace), tuple(dimensions)), set())


@cache
def alarms() -> dict[str, Tree]:
    """Every alarm."""
    return resources("AWS::CloudWatch::Alarm")


def metrics(alarm: Tree) -> list[Tree]:
    """The metrics that an alarm listens to, as `MetricStat` has them."""
    if "Metrics" in alarm:
        return [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    return [{name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions") if name in alarm}]


def dimensions(metric: Tree) -> Tree:
    """A metric's dimensions by name."""
    return {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}


class TestAlarms:
    """Few, each with somebody who hears it and a line that says what to do."""

    def test_there_are_a_dozen_at_most(self) -> None:
        """Whoever is woken by many looks at none."""
        assert len(alarms()) <= 12

    def test_each_has_a_line_in_the_runbook(self) -> None:
        """What it means, and what to do, at the length of a sentence."""
        lines = {code(cells[0]): cells[1:] for cells in table("docs/runbook.md", "Alarms")}
        assert alarms().keys() == lines.keys()
        assert [] == [name for name, cells in lines.items() if min(map(len, cells)) < 40]

    @pytest.mark.parametrize("name", alarms())
    def test_each_listens_to_what_is_told(self, name: str) -> None:
        """By the stack's functions, its log or AWS, under the dimensions that it is told with."""
        found = metrics(alarms()[name])
        assert found
        for metric in found:
            assert is_told(metric["Namespace"], metric["MetricName"], dimensions(metric)), metric

    @pytest.mark.parametrize("name", alarms())
    def test_each_says_when_it_rings_and_when_it_is_over(self, name: str) -> None:
        """At the topic, and in words."""
        alarm = alarms()[name]
        topic = [{"Ref": "AlarmTopic"}]
        assert (topic, topic) == (alarm["AlarmActions"], alarm["OKActions"])
        assert alarm["AlarmDescription"].endswith(".")

    def test_silence_is_good_but_of_what_must_speak(self) -> None:
        """The reporter and the reconciler are told to be at work by what they tell; all others by nothing."""
        expected = {"ReporterSilentAlarm": "breaching", "BillingDriftAlarm": "breaching"}
        assert expected == {
            name: alarm["TreatMissingData"]
            for name, alarm in alarms().items()
            if alarm["TreatMissingData"] != "notBreaching"
        }

    def test_several_metrics_come_to_the_highest_and_silence_to_nought(self) -> None:
        """A queue that nobody uses tells nothing, which must not hide what another one tells."""
        for alarm in alarms().values():
            several = {each["Id"]: each for each in alarm.get("Metrics", [])}
            sums = [each for each in several.values() if "Expression" in each]
            stats = [each for each in several.values() if "MetricStat" in each]
            assert len(sums) == (1 if several else 0)
            assert all(each["ReturnData"] is False for each in stats)
            for each in sums:
                filled = ", ".join(f"FILL({stat['Id']}, 0)" for stat in stats)
                assert f"MAX([{filled}])" == each["Expression"]

    def test_each_dead_letter_queue_and_each_queue_rings(self) -> None:
        """Whatever is on the one, and whatever waits too long on the other."""
        watched = {
            name: {
                dimensions(metric)["QueueName"]["Fn::GetAtt"][0]
                for alarm in alarms().values()
                for metric in metrics(alarm)
                if metric["MetricName"] == name
            }
            for name in ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage")
        }
        dead = {name for name in resources("AWS::SQS::Queue") if "DeadLetter" in name}
        assert [dead, resources("AWS::SQS::Queue").keys() - dead] == [*watched.values()]

    @pytest.mark.parametrize(
        ("address", "expected"),
        [("", True), ("oncall@mysaas.io", True), ("oncall", False), ("a@b", False), ("a b@c.io", False)],
    )
    def test_an_address_may_hear_them(self, address: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of the table
        """It is optional, and subscribed to the topic if it is given."""
        assert expected == takes("AlarmEmail", address)
        subscription = template()["Resources"]["AlarmSubscription"]
        assert "SendsMail" == subscription["Condition"]
        assert {"Ref": "AlarmEmail"} == subscription["Properties"]["Endpoint"]
        assert bool(address) == holds(template()["Conditions"]["SendsMail"], {"AlarmEmail": address})

    def test_the_emulator_makes_an_alarm_on_its_first_metric(self) -> None:
        """It refuses several; what is one already stays as it is."""
        made = on_its_first_metric(alarms()["DeadLettersAlarm"])
        assert ("ApproximateNumberOfMessagesVisible", 300) == (made["MetricName"], made["Period"])
        assert alarms()["ErrorsAlarm"] == on_its_first_metric(alarms()["ErrorsAlarm"])


class TestErrors:
    """The filter of the log counts what a person must look at."""

    def test_the_filter_reads_the_fields_that_are_written(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A line of ours at ERROR says so in `level`, as Lambda's own line of an unhandled error does."""
        from aws_lambda_powertools import Logger  # noqa: PLC0415 - a logger of this test's own

        logger = Logger(service="test", logger_handler=logging.StreamHandler())
        logger.error("Something")
        line = json.loads(capsys.readouterr().err)
        pattern = resources("AWS::Logs::MetricFilter")["ErrorFilter"]["FilterPattern"]
        assert f'$.level = "{line["level"]}"' in pattern
        runtime = next(Path(ROOT, ".venv-runtime").rglob("awslambdaric/bootstrap.py"), None)
        assert runtime is None or re.search(r'"level": "ERROR",\s+\*\*error_result', runtime.read_text())

    def test_every_function_writes_to_the_log_that_is_filtered(self) -> None:
        """In JSON, without which the filter finds nothing."""
        expected = {"LogFormat": "JSON", "LogGroup": {"Ref": "Logs"}}
        for function in resources("AWS::Lambda::Function").values():
            assert expected == function["LoggingConfig"]
        assert {"Ref": "Logs"} == resources("AWS::Logs::MetricFilter")["ErrorFilter"]["LogGroupName"]


@cache
def widgets() -> list[Tree]:
    """What the dashboard shows; what stands for a name of the stack's is left as it is written."""
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    shown: list[Tree] = json.loads(dashboard["DashboardBody"]["Fn::Sub"][0])["widgets"]
    return shown


class TestDashboard:
    """Off unless wanted, for it costs $3 a month."""

    def test_it_is_off_unless_wanted(self) -> None:
        """The parameter says so."""
        assert "off" == parameter("OperatorsDashboard")["Default"]
        assert "HasDashboard" == template()["Resources"]["OperatorsView"]["Condition"]
        condition = template()["Conditions"]["HasDashboard"]
        assert [False, True] == [holds(condition, {"OperatorsDashboard": each}) for each in ("off", "on")]

    def test_each_metric_on_it_is_told(self) -> None:
        """In the form that CloudWatch reads: namespace, name, dimensions by turns, options."""
        for widget in widgets():
            for shown in widget["properties"]["metrics"]:
                if isinstance(shown[0], dict):
                    continue
                namespace, name, *pairs = [each for each in shown if isinstance(each, str)]
                found = dict(zip(pairs[::2], pairs[1::2], strict=True))
                if namespace == "Tollkeeper":
                    assert {"service": "${AWS::StackName}"} == found
                    assert is_told(namespace, name, {"service": STACK}), name
                elif namespace == "Tollkeeper/${AWS::StackName}":
                    assert is_told({"Fn::Sub": namespace}, name, found), name
                else:
                    assert is_told(namespace, name, found), name

    def test_what_it_searches_for_is_told(self) -> None:
        """The metrics of usage are the catalogue's, so they are searched for by their first word."""
        searched = [
            shown[0]["expression"]
            for widget in widgets()
            for shown in widget["properties"]["metrics"]
            if isinstance(shown[0], dict)
        ]
        assert ["SEARCH('{Tollkeeper,service} service=\"${AWS::StackName}\" Usage', 'Sum', 300)"] == searched
        assert {f"Usage_{metric}" for metric in load().metrics} <= told()

    def test_what_stands_for_a_name_is_one_of_the_stack(self) -> None:
        """CloudFormation puts in what a resource is called; it knows only those of the template."""
        (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
        body, others = dashboard["DashboardBody"]["Fn::Sub"]
        named = {each.partition(".")[0] for each in re.findall(r"\$\{([^}]+)\}", body)}
        assert named - {"AWS::Region", "AWS::StackName", *others} <= template()["Resources"].keys()

    def test_it_shows_what_operators_ask_for(self) -> None:
        """No two widgets lie on each other, and each subject has one."""
        titles = " ".join(widget["properties"]["title"] for widget in widgets()).lower()
        for subject in (
            "usage taken in", "oldest message", "dead letters", "conflicts", "quota", "by state",
            "longest in one state", "drift", "mapped", "webhook", "costs money",
        ):  # fmt: skip
            assert subject in titles
        places = [(widget["x"], widget["y"]) for widget in widgets()]
        assert len(places) == len(set(places))
        assert all(x % 8 == y % 6 == 0 and x < 24 for x, y in places)
