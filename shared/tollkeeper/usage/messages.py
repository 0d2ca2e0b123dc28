"""What travels on the usage queue, written and read in one place.

A message holds `{"records": […], "acceptedAt": …}`: intake says when it accepted them, a direct sender need
not. A dead letter holds `{"record": …, "reason": …, "acceptedAt": …}`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic_core import from_json

from tollkeeper.rules.times import iso, parse_iso


class UnreadableMessageError(Exception):
    """A message holds no list of records, or says of their acceptance what is no instant."""


@dataclass(frozen=True, slots=True)
class QueuedRecords:
    """Records as they came, and when they were accepted; None where the message does not say."""

    records: Sequence[object]
    accepted_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record as it came, why it cannot be counted, and when it was accepted."""

    record: object
    reason: str
    accepted_at: datetime


def compact(record: object) -> str:
    """Write one record as short as JSON allows, every character as it is."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def pack(records: Sequence[str], accepted_at: datetime) -> str:
    """Return the message of records that are JSON already."""
    return f'{{"records":[{",".join(records)}],"acceptedAt":"{iso(accepted_at)}"}}'


def unpack(body: str) -> QueuedRecords:
    """Read a message.

    Raises:
        UnreadableMessageError: it holds no records.
    """
    try:
        message = from_json(body, allow_inf_nan=False)
        records = message["records"]
        accepted_at = parse_iso(message["acceptedAt"]) if "acceptedAt" in message else None
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableMessageError(str(error)) from error
    if not isinstance(records, list):
        raise UnreadableMessageError("records is no list")
    return QueuedRecords(records, accepted_at)


def write_dead_letter(letter: DeadLetter) -> str:
    """Return the message of a dead letter."""
    return json.dumps(
        {"record": letter.record, "reason": letter.reason, "acceptedAt": iso(letter.accepted_at)}
    )
