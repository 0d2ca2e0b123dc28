"""SQS in memory: at least once, in any order, out of sight for a while, with boto3's methods."""

# ruff: noqa: N803 - the arguments have boto3's names

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from tests.sim.weather import Weather

OUT_OF_SIGHT = timedelta(minutes=15)


@dataclass(slots=True)
class Waiting:
    """A message, and when it can be seen again."""

    id: str
    body: str
    sent_at: datetime
    visible_at: datetime
    receives: int = 0


class SimulatedQueue:
    """One queue. `again` is the share of messages that come once more after they were done."""

    def __init__(self, chance: Random, now: Callable[[], datetime], weather: Weather, again: float) -> None:
        self.waiting: dict[str, Waiting] = {}
        self._chance = chance
        self._now = now
        self._weather = weather
        self.again = again

    # What boto3 has.

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> dict[str, Any]:
        """Take a message."""
        del QueueUrl
        self._weather.may_die("before a queue")
        self._take(MessageBody)
        self._weather.may_die("after a queue")
        return {}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Take messages."""
        del QueueUrl
        self._weather.may_die("before a queue")
        refused = []
        for each in Entries:
            if self._weather.strikes(self._weather.climate.throttles / 2):
                self._weather.marks["messages that SQS refused"] += 1
                refused.append({"Id": each["Id"]})
            else:
                self._take(each["MessageBody"])
        if self._weather.strikes(self._weather.climate.table_timeouts / 4):
            self._weather.marks["queue answers lost"] += 1
            raise ClientError(
                {"Error": {"Code": "ServiceUnavailable", "Message": "lost"}}, "SendMessageBatch"
            )
        self._weather.may_die("after a queue")
        return {"Failed": refused} if refused else {}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str]) -> dict[str, Any]:
        """Say how much waits or is under way."""
        del QueueUrl
        self._weather.may_die("before a queue")
        return {"Attributes": dict.fromkeys(AttributeNames, str(len(self.waiting)))}

    def change_message_visibility_batch(
        self, *, QueueUrl: str, Entries: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Show messages again after so many seconds."""
        del QueueUrl
        for each in Entries:
            if found := self.waiting.get(each["ReceiptHandle"]):
                found.visible_at = self._now() + timedelta(seconds=int(each["VisibilityTimeout"]))
        return {}

    # What Lambda does.

    @property
    def next_at(self) -> datetime | None:
        """When the next message can be seen."""
        return min((each.visible_at for each in self.waiting.values()), default=None)

    def receive(self, most: int) -> list[Waiting]:
        """Hand over some messages that can be seen, in any order."""
        now = self._now()
        visible = [each for each in self.waiting.values() if each.visible_at <= now]
        self._chance.shuffle(visible)
        for each in visible[:most]:
            each.receives += 1
            each.visible_at = now + OUT_OF_SIGHT
        return visible[:most]

    def done(self, messages: Sequence[Waiting], failed: set[str]) -> None:
        """Forget what was done, most of the time."""
        for each in messages:
            if each.id in failed:
                continue
            if not self._weather.is_calm and self._chance.random() < self.again:
                self._weather.marks["messages delivered again"] += 1
            else:
                self.waiting.pop(each.id, None)

    def _take(self, body: str) -> None:
        now = self._now()
        delay = timedelta(seconds=self._chance.choice([0, 0, 1, 5, 40]))
        name = uuid4().hex
        self.waiting[name] = Waiting(name, body, now, now + delay)
