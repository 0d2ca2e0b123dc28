"""EventBridge schedules on the sandbox clock.

MiniStack runs them on the wall clock. When the sandbox clock is moved across weeks, what the schedules would
have run in that time is run here, at each instant at which the clock stops on its way.
"""

import asyncio
import re
import time
from datetime import datetime, timedelta

import boto3
from botocore.config import Config
from mypy_boto3_scheduler.type_defs import GetScheduleOutputTypeDef

from infra.local.errors import LocalError

QUIET_SECONDS = 60.0
POLL_SECONDS = 0.1
# A function may run for 15 minutes; boto3 would give up after one, and call again.
PATIENT = Config(read_timeout=900, retries={"total_max_attempts": 1})
DAILY = timedelta(days=1)


class Schedules:
    """The schedules of the deployed stack, and when each last ran."""

    def __init__(self) -> None:
        self._last_run: dict[str, datetime] = {}

    async def catch_up(self, now: datetime) -> None:
        """Let the queues empty, run every schedule that is due at `now`, and let them empty again.

        Raises:
            LocalError: a function failed, or a queue did not empty within a minute.
        """
        await asyncio.to_thread(self._catch_up, now)

    def _catch_up(self, now: datetime) -> None:
        wait_until_quiet()
        for schedule in _enabled_schedules():
            if self._due(schedule, now):
                self._last_run[schedule["Arn"]] = now
                _run(schedule)
        wait_until_quiet()

    def _due(self, schedule: GetScheduleOutputTypeDef, now: datetime) -> bool:
        last_run = self._last_run.get(schedule["Arn"])
        return last_run is None or now - last_run >= interval(schedule["ScheduleExpression"])


def interval(expression: str) -> timedelta:
    """How often a schedule runs: what `rate(…)` says; a `cron(…)` is taken for a daily one.

    Raises:
        LocalError: the expression is neither.
    """
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
        return timedelta(**{f"{rate[2]}s": int(rate[1])})
    if expression.startswith("cron("):
        return DAILY
    raise LocalError(f"The local stack cannot run a schedule of {expression}")


def wait_until_quiet() -> None:
    """Return once no queue holds a message that a function is to take: neither dead letters nor what is kept.

    Raises:
        LocalError: a queue still holds messages after a minute.
    """
    deadline = time.monotonic() + QUIET_SECONDS
    while waiting := _waiting_messages():
        if time.monotonic() > deadline:
            held = ", ".join(f"{count} in {queue}" for queue, count in waiting.items())
            raise LocalError(f"Messages are stuck ({held}). See the log of the function that takes them.")
        time.sleep(POLL_SECONDS)


def _waiting_messages() -> dict[str, int]:
    """Messages by queue, visible and in flight, where a function takes them; queues without are left out."""
    sqs = boto3.client("sqs")
    taken_from = {
        mapping.get("EventSourceArn")
        for mapping in boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        if mapping.get("State") == "Enabled"
    }
    queues = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in sqs.list_queues().get("QueueUrls", [])
    ]
    counts = {
        queue["QueueArn"].rpartition(":")[2]: int(queue["ApproximateNumberOfMessages"])
        + int(queue["ApproximateNumberOfMessagesNotVisible"])
        for queue in queues
        if queue["QueueArn"] in taken_from
    }
    return {name: count for name, count in counts.items() if count}


def _enabled_schedules() -> list[GetScheduleOutputTypeDef]:
    scheduler = boto3.client("scheduler")
    return [
        scheduler.get_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])
        for page in scheduler.get_paginator("list_schedules").paginate(State="ENABLED")
        for schedule in page["Schedules"]
    ]


def _run(schedule: GetScheduleOutputTypeDef) -> None:
    target = schedule["Target"]
    answer = boto3.client("lambda", config=PATIENT).invoke(
        FunctionName=target["Arn"], Payload=target.get("Input", "{}").encode()
    )
    if "FunctionError" in answer:
        raise LocalError(f"{schedule['Name']} failed: {answer['Payload'].read().decode()}")
