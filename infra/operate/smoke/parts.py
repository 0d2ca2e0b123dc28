"""The parts of a stack behind its doors: table, queues, functions, schedules, alarms."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any

import boto3

from infra.operate.checks import Check
from infra.operate.stacks import Stack

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

AT_ONCE = 4
SOURCES = {"SQS", "DynamoDB"}
SETTLED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}
HARMLESS: Mapping[str, dict[str, Any]] = {
    "HttpApi": {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "headers": {},
        "requestContext": {
            "domainName": "smoke.invalid",
            "http": {"method": "GET", "path": "/"},
            "stage": "$default",
        },
    },
    "SQS": {"Records": []},
    "DynamoDB": {"Records": []},
}
"""What a function of each kind can be called with, so that it starts and changes nothing. Those that run on a
schedule have none: each call of theirs is a run."""


def formed(stack: Stack) -> Iterator[Check]:
    """See that CloudFormation is done with it."""
    yield Check("stack", stack.name, is_well=stack.status in SETTLED, found=f"its status is {stack.status}")


def kept(stack: Stack) -> Iterator[Check]:
    """See that the ledger's table is there, the stack's own or one that was restored, with its stream."""
    name = stack.settings().table_name
    found = boto3.client("dynamodb").describe_table(TableName=name)["Table"]
    yield Check("table", name, found["TableStatus"] == "ACTIVE", f"its status is {found['TableStatus']}")
    has_stream = bool(found.get("StreamSpecification", {}).get("StreamEnabled"))
    yield Check("table", "its stream", has_stream, "it has none, so nothing is announced")


def queued(stack: Stack, template: Mapping[str, Any]) -> Iterator[Check]:
    """See that each queue is there, and that what it cannot deliver goes to its dead letters."""
    sqs = boto3.client("sqs")
    for name, url in stack.of_type("AWS::SQS::Queue").items():
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        described = template["Resources"].get(name, {}).get("Properties", {})
        if "RedrivePolicy" not in described:
            yield Check("queues", name, is_well=True)
            continue
        target, _ = described["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"]
        there = json.loads(found.get("RedrivePolicy", "{}")).get("deadLetterTargetArn", "")
        wanted = stack.physical_id(target).rpartition("/")[2]
        is_well = there.rpartition(":")[2] == wanted
        yield Check("queues", name, is_well, f"its dead letters go to {there or 'nowhere'}, not to {wanted}")


def running(stack: Stack, template: Mapping[str, Any]) -> Iterator[Check]:
    """See that each function is deployed, starts, and takes from its queue or stream."""
    client = boto3.client("lambda")

    def look(names: tuple[str, str]) -> list[Check]:
        name, function = names
        events = template["Resources"].get(name, {}).get("Properties", {}).get("Events", {})
        kinds = {event["Type"] for event in events.values()}
        return [
            _deployed(client, name, function),
            *(_starts(client, name, function, kind) for kind in sorted(kinds & HARMLESS.keys())),
            *([_takes(client, name, function)] if kinds & SOURCES else []),
        ]

    with ThreadPoolExecutor(AT_ONCE) as several:
        yield from chain.from_iterable(several.map(look, stack.of_type("AWS::Lambda::Function").items()))


def scheduled(stack: Stack) -> Iterator[Check]:
    """See that each schedule is on."""
    scheduler = boto3.client("scheduler")
    for name, schedule in stack.of_type("AWS::Scheduler::Schedule").items():
        found = scheduler.get_schedule(Name=schedule)
        on, when = found["State"], found["ScheduleExpression"]
        yield Check("schedules", name, on == "ENABLED", f"{when} is {on}: enable it, or deploy again")


def watched(stack: Stack) -> Iterator[Check]:
    """See that each alarm is there, and acts on a topic where the stack has one."""
    alarms, topics = stack.of_type("AWS::CloudWatch::Alarm"), stack.of_type("AWS::SNS::Topic")
    pages = (
        boto3.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNames=[*alarms.values()], AlarmTypes=["MetricAlarm"])
    )
    found = {each["AlarmName"]: each for page in pages for each in page["MetricAlarms"]}
    for name, alarm in alarms.items():
        if alarm not in found:
            yield Check("alarms", name, is_well=False, found="it is not there: deploy again")
            continue
        acts = {*found[alarm]["AlarmActions"]} if found[alarm]["ActionsEnabled"] else set()
        is_well = not topics or bool(acts & {*topics.values()})
        yield Check("alarms", name, is_well, "it acts on no topic of the stack: nobody hears it ring")


def _deployed(client: "LambdaClient", name: str, function: str) -> Check:
    found = client.get_function_configuration(FunctionName=function)
    state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
    is_well = (state, update) == ("Active", "Successful")
    return Check("functions", name, is_well, f"it is {state}, its update {update}")


def _starts(client: "LambdaClient", name: str, function: str, kind: str) -> Check:
    answer = client.invoke(FunctionName=function, Payload=json.dumps(HARMLESS[kind]).encode())
    said = answer["Payload"].read().decode()
    is_well = "FunctionError" not in answer
    return Check("functions", f"{name} starts", is_well, f"it fails: {said[:300]}")


def _takes(client: "LambdaClient", name: str, function: str) -> Check:
    found = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    states = [each.get("State", "Enabled") for each in found]
    is_well = states == ["Enabled"]
    return Check("functions", f"{name} takes", is_well, f"its sources are {', '.join(states) or 'none'}")
