"""How what the table's stream tells becomes events on the bus (DESIGN rule 17)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from tollkeeper.clock import Clock
from tollkeeper.ledger import stream
from tollkeeper.ledger.stream import RowChange
from tollkeeper.rules.announcements import Announcement
from tollkeeper.rules.times import iso
from tollkeeper.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE = "tollkeeper"

MOST_ENTRIES = 10
"""Events that EventBridge takes in one request."""

MOST_BYTES = 256 * 1024
"""What the events of one request may come to."""

TIME_BYTES = 14
"""What EventBridge counts for the time of an event, beside its texts."""


class Bus(Protocol):
    """Where announcements are published."""

    def publish(self, announcements: Sequence[Announcement]) -> list[int]:
        """Publish announcements, and return the indexes of those that could not be."""


class EventBus:
    """The stack's own event bus. An event's `detail-type` is the kind of the announcement."""

    def __init__(self, client: "EventBridgeClient", name: str) -> None:
        self._client = client
        self._name = name

    def publish(self, announcements: Sequence[Announcement]) -> list[int]:
        """Publish announcements, and return the indexes of those that could not be."""
        unpublished: list[int] = []
        entries = [self._entry(each) for each in announcements]
        for numbers in _requests(entries):
            try:
                answer = self._client.put_events(Entries=[entries[number] for number in numbers])
            except (BotoCoreError, ClientError):
                logger.exception("Announcements could not be published", extra={"events": len(numbers)})
                unpublished += numbers
                continue
            for number, result in zip(numbers, answer["Entries"], strict=True):
                if "ErrorCode" in result:
                    logger.error(
                        "An announcement was not taken",
                        extra={"id": announcements[number].id, "code": result["ErrorCode"]},
                    )
                    unpublished.append(number)
        return unpublished

    def _entry(self, of: Announcement) -> "PutEventsRequestEntryTypeDef":
        detail = {**of.detail, "id": of.id, "userId": of.user_id, "at": iso(of.at)}
        return {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": of.kind.value,
            "Time": of.at,
            "Detail": json.dumps(detail, ensure_ascii=False, separators=(",", ":")),
        }


@dataclass(slots=True)
class Announced:
    """What became of a batch: how much was published, and the sequence numbers that must come again."""

    published: int = 0
    failed: set[str] = field(default_factory=set)


def announce(records: Sequence[Mapping[str, Any]], bus: Bus, clock: Clock) -> Announced:
    """Publish what records of the stream have to announce.

    A record that cannot be read fails alone, and comes again until it is given up; so does one of which not
    all could be published.
    """
    found: list[Announcement] = []
    sources: list[str] = []
    announced = Announced()
    for record in records:
        source = record["dynamodb"]["SequenceNumber"]
        try:
            change = RowChange.read(record)
            news = list(stream.announcements(change, clock.at(change.written_at)))
        except (KeyError, ValueError):
            logger.exception("A change of the table cannot be read", extra={"sequenceNumber": source})
            announced.failed.add(source)
        else:
            found += news
            sources += [source] * len(news)
    unpublished = bus.publish(found)
    announced.failed |= {sources[number] for number in unpublished}
    announced.published = len(found) - len(unpublished)
    return announced


def _requests(entries: Sequence["PutEventsRequestEntryTypeDef"]) -> Iterator[list[int]]:
    """Split entries into what EventBridge takes at once: numbers of them, in their order."""
    numbers: list[int] = []
    size = 0
    for number, entry in enumerate(entries):
        length = TIME_BYTES + sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))
        if numbers and (len(numbers) == MOST_ENTRIES or size + length > MOST_BYTES):
            yield numbers
            numbers, size = [], 0
        numbers.append(number)
        size += length
    if numbers:
        yield numbers
