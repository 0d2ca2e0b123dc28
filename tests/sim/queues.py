"""SQS and EventBridge in memory, with boto3's methods: at least once, and in any order."""

# ruff: noqa: N803 - the arguments have boto3's names

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from tests.sim.weather import Weather

OUT_OF_SIGHT = timedelta(minutes=7)


@dataclass(slots=True)
class Waiting:
    """A message, and when it can be seen again."""

    id: str
    body: str
    sent_at: datetime
    visible_at: datetime
    attributes: Mapping[str, Any]
    receives: int = 0

    @property
    def record(self) -> dict[str, Any]:
        """The message as Lambda hands it over."""
        return {
            "messageId": self.id,
            "receiptHandle": self.id,
            "body": self.body,
            "attributes": {
                "SentTimestamp": str(round(self.sent_at.timestamp() * 1000)),
                "ApproximateReceiveCount": str(self.receives),
            },
            "messageAttributes": {},
        }


@dataclass
class SimulatedQueue:
    """One queue. `again` is the share of messages that come once more after they were done."""

    chance: Random
    now: Callable[[], datetime]
    weather: Weather
    again: float = 0.0
    waiting: dict[str, Waiting] = field(default_factory=dict)

    @property
    def next_at(self) -> datetime | None:
        """When the next message can be seen."""
        return min((each.visible_at for each in self.waiting.values()), default=None)

    def take(self, body: str, attributes: Mapping[str, Any]) -> None:
        """Keep a message, to be seen in a moment."""
        now, name = self.now(), uuid4().hex
        delay = timedelta(seconds=self.chance.choice([0, 0, 1, 5, 40]))
        self.waiting[name] = Waiting(name, body, now, now + delay, attributes)

    def receive(self, most: int) -> list[Waiting]:
        """Hand over some messages that can be seen, in any order."""
        now = self.now()
        visible = [each for each in self.waiting.values() if each.visible_at <= now]
        self.chance.shuffle(visible)
        for each in visible[:most]:
            each.receives += 1
            each.visible_at = now + OUT_OF_SIGHT
        return visible[:most]

    def done(self, messages: Sequence[Waiting], failed: set[str]) -> None:
        """Forget what was done, most of the time."""
        for each in messages:
            if each.id in failed:
                continue
            if not self.weather.is_calm and self.chance.random() < self.again:
                self.weather.marks["messages delivered again"] += 1
            else:
                self.waiting.pop(each.id, None)


class SimulatedSqs:
    """The client of all queues, by their addresses."""

    def __init__(self, queues: Mapping[str, SimulatedQueue], weather: Weather) -> None:
        self._queues = queues
        self._weather = weather

    def send_message(
        self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Take a message."""
        self._weather.may_die("before a queue")
        if self._weather.strikes(self._weather.climate.throttles / 2):
            self._weather.marks["messages that SQS refused"] += 1
            raise _lost("SendMessage")
        self._queues[QueueUrl].take(MessageBody, MessageAttributes or {})
        self._weather.may_die("after a queue")
        return {}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Take messages."""
        self._weather.may_die("before a queue")
        refused = []
        for each in Entries:
            if self._weather.strikes(self._weather.climate.throttles / 2):
                self._weather.marks["messages that SQS refused"] += 1
                refused.append({"Id": each["Id"]})
            else:
                self._queues[QueueUrl].take(each["MessageBody"], each.get("MessageAttributes", {}))
        if self._weather.strikes(self._weather.climate.table_timeouts / 4):
            self._weather.marks["queue answers lost"] += 1
            raise _lost("SendMessageBatch")
        self._weather.may_die("after a queue")
        return {"Failed": refused} if refused else {}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str]) -> dict[str, Any]:
        """Say how much waits or is under way."""
        self._weather.may_die("before a queue")
        return {"Attributes": dict.fromkeys(AttributeNames, str(len(self._queues[QueueUrl].waiting)))}

    def change_message_visibility_batch(
        self, *, QueueUrl: str, Entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Show messages again after so many seconds."""
        queue = self._queues[QueueUrl]
        for each in Entries:
            if found := queue.waiting.get(each["ReceiptHandle"]):
                found.visible_at = queue.now() + timedelta(seconds=int(each["VisibilityTimeout"]))
        return {}


class SimulatedBus:
    """EventBridge: keeps what is put there, refuses some, and loses answers."""

    def __init__(self, weather: Weather) -> None:
        self.told: list[dict[str, Any]] = []
        self._weather = weather

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Take events."""
        weather = self._weather
        weather.may_die("before the bus")
        results: list[dict[str, str]] = []
        for each in Entries:
            if weather.strikes(weather.climate.throttles):
                weather.marks["events that the bus refused"] += 1
                results.append({"ErrorCode": "ThrottlingException"})
            else:
                self.told.append({"kind": each["DetailType"], **json.loads(each["Detail"])})
                results.append({"EventId": "taken"})
        if weather.strikes(weather.climate.table_timeouts):
            weather.marks["answers of the bus lost"] += 1
            raise _lost("PutEvents")
        weather.may_die("after the bus")
        return {"Entries": results}


def _lost(call: str) -> ClientError:
    return ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "lost"}}, call)
