"""How what the table's stream tells becomes events on the bus (DESIGN rule 17)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from tollkeeper.clock import Clock
from tollkeeper.ledger import stream
from tollkeeper.ledger.stream import RowChange
from tollkeeper.queues import at_once
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


NEVER = frozenset({"InvalidArgument", "MalformedDetail", "ValidationException"})
"""Codes of EventBridge's for what it will not take however often it is sent. All others pass."""


class Unpublished(NamedTuple):
    """An announcement that was not taken, by its index; `refusal` says why it never will be, if it won't."""

    number: int
    refusal: str | None


class Bus(Protocol):
    """Where announcements are published."""

    def publish(self, announcements: Sequence[Announcement]) -> list[Unpublished]:
        """Publish announcements, and return those that could not be."""


class Aside(Protocol):
    """Where records of the stream are put that can never be announced."""

    def put(self, record: Mapping[str, Any], reason: str) -> bool:
        """Keep a record; False if it could not be kept."""


class EventBus:
    """The stack's own event bus. An event's `detail-type` is the kind of the announcement."""

    def __init__(self, client: "EventBridgeClient", name: str) -> None:
        self._client = client
        self._name = name

    def publish(self, announcements: Sequence[Announcement]) -> list[Unpublished]:
        """Publish announcements, and return those that could not be."""
        entries = [self._entry(each) for each in announcements]
        requests = at_once([_size(each) for each in entries], MOST_BYTES, MOST_ENTRIES)
        unpublished = [each for numbers in requests for each in self._put(entries, numbers)]
        for number, refusal in unpublished:
            logger.error(
                "An announcement was not taken", extra={"id": announcements[number].id, "refusal": refusal}
            )
        return unpublished

    def _put(
        self, entries: Sequence["PutEventsRequestEntryTypeDef"], numbers: Sequence[int]
    ) -> list[Unpublished]:
        """Send some of the entries in one request, and return those that were not taken."""
        try:
            answer = self._client.put_events(Entries=[entries[number] for number in numbers])
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in NEVER and len(numbers) > 1:  # one of them is at fault, and the others are not
                return [each for number in numbers for each in self._put(entries, [number])]
            logger.exception("Announcements could not be published", extra={"events": len(numbers)})
            return [Unpublished(number, _refusal(code)) for number in numbers]
        except BotoCoreError:
            logger.exception("Announcements could not be published", extra={"events": len(numbers)})
            return [Unpublished(number, None) for number in numbers]
        return [
            Unpublished(number, _refusal(result["ErrorCode"]))
            for number, result in zip(numbers, answer["Entries"], strict=True)
            if "ErrorCode" in result
        ]

    def _entry(self, of: Announcement) -> "PutEventsRequestEntryTypeDef":
        whose = {} if of.user_id is None else {"userId": of.user_id}
        detail = {**of.detail, "id": of.id, **whose, "at": iso(of.at)}
        return {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": of.kind.value,
            "Time": of.at,
            "Detail": json.dumps(detail, ensure_ascii=False, separators=(",", ":")),
        }


@dataclass(slots=True)
class Announced:
    """What became of a batch: how much was published, how many records were put aside, which come again.

    Those that come again are named by their sequence numbers.
    """

    published: int = 0
    put_aside: int = 0
    failed: set[str] = field(default_factory=set)


def announce(records: Sequence[Mapping[str, Any]], bus: Bus, aside: Aside, clock: Clock) -> Announced:
    """Publish what records of the stream have to announce.

    A record that cannot be read, or of which the bus will never take what it announces, is put aside: Lambda
    repeats a shard from its first failure on, so that one failing for ever would keep all behind it waiting.
    What passes by itself, the bus's trouble or that of whatever keeps the record, makes it come again.
    """
    found: list[Announcement] = []
    sources: list[int] = []
    hopeless: dict[int, str] = {}
    for number, record in enumerate(records):
        try:
            change = RowChange.read(record)
        except Exception as error:  # noqa: BLE001 - whatever it is, its neighbours are announced
            hopeless[number] = _unreadable(record, error)
            continue
        at = clock.at(change.written_at)
        try:
            news = list(stream.announcements(change, at))
        except Exception as error:  # noqa: BLE001 - whatever it is, its neighbours are announced
            hopeless[number] = _unreadable(record, error)
        else:
            found += news
            sources += [number] * len(news)
    unpublished = bus.publish(found)
    failed = {sources[index] for index, refusal in unpublished if refusal is None}
    for index, refusal in unpublished:
        if refusal is not None:
            hopeless[sources[index]] = f"EventBridge refuses what it announces: {refusal}"
    put_aside = 0
    for number in sorted(hopeless):
        if any(each <= number for each in failed):
            break  # it comes again, with all from there on
        if aside.put(records[number], hopeless[number]):
            put_aside += 1
        else:
            failed.add(number)
    return Announced(
        published=len(found) - len(unpublished),
        put_aside=put_aside,
        failed={_sequence_number(records[number]) for number in failed},
    )


def _sequence_number(record: Mapping[str, Any]) -> str:
    """Return what Lambda knows a record by; nothing, which stands for the whole batch, if it has no such."""
    return str(record.get("dynamodb", {}).get("SequenceNumber", ""))


def _unreadable(record: Mapping[str, Any], error: Exception) -> str:
    """Return why a record cannot be read."""
    logger.exception("A change of the table cannot be read", extra={"eventID": record.get("eventID")})
    return f"it cannot be read: {type(error).__name__}: {error}"


def _refusal(code: str) -> str | None:
    return code if code in NEVER else None


def _size(of: "PutEventsRequestEntryTypeDef") -> int:
    """Return the bytes that EventBridge counts an entry for."""
    return TIME_BYTES + sum(len(of[name].encode()) for name in ("Source", "DetailType", "Detail"))
