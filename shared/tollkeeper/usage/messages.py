"""What travels on the usage queue, written and read in one place.

A message holds `{"records": […], "acceptedAt": …}`: intake says when it accepted them, a direct sender need
not. A dead letter is such a message of one record that also says its `reason`, so that whoever sends it back
to the queue, SQS itself included, sends a message that can be counted.
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
    """Records as they came, and when they were accepted; None where the message does not say.

    `reason` is why they could not be counted, if they are a dead letter.
    """

    records: Sequence[object]
    accepted_at: datetime | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record as it came, why it cannot be counted, and when it was accepted.

    Where a whole message cannot be counted, `record` is its body, and is kept just as it is.
    """

    record: object
    reason: str
    accepted_at: datetime
    is_message: bool = False


def compact(record: object) -> str:
    """Write one record as short as JSON allows, every character as it is but two that SQS refuses."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


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
    reason = message.get("reason")
    return QueuedRecords(records, accepted_at, None if reason is None else str(reason))


def write_dead_letter(letter: DeadLetter) -> str:
    """Return the message of a dead letter."""
    if letter.is_message:
        return str(letter.record)
    return json.dumps(
        {"records": [letter.record], "acceptedAt": iso(letter.accepted_at), "reason": letter.reason}
    )
