"""What each queue's dead letters say, and how they are tried again."""

import json
from typing import TYPE_CHECKING, Any, Protocol

from infra.operate.dead_letters.letters import Letter
from infra.operate.dead_letters.stream import Announcer, Pointer, Stream
from tollkeeper.rules.times import iso

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class NotRedrivenError(Exception):
    """A letter could not be tried again, and stays; the message says why."""


class WayBack(Protocol):
    """What is known of one queue's letters."""

    unexplained: str
    """Why a letter lies there, where the letter does not say."""

    def describe(self, letter: Letter) -> str:
        """Say in a line what a letter holds."""

    def redrive(self, letter: Letter) -> None:
        """Have it tried again. Whoever dies before it is taken away does no harm.

        Raises:
            NotRedrivenError: that cannot be done.
        """


class Usage:
    """Usage records: a letter is a message of the usage queue, and goes back onto it."""

    unexplained = "the tracker failed on it again and again"

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def describe(self, letter: Letter) -> str:
        """Show its record, or say how many there are."""
        records = (_object(letter) or {}).get("records")
        if not isinstance(records, list):
            return letter.body
        return str(records[0]) if len(records) == 1 else f"{len(records)} records"

    def redrive(self, letter: Letter) -> None:
        """Send it again; where it does not say when it was accepted, that is when it became a letter."""
        body, message = letter.body, _object(letter)
        if message is not None and isinstance(message.get("records"), list):
            body = json.dumps({"acceptedAt": iso(letter.sent_at), **message})
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)


class StripeEvents:
    """Stripe's events: a letter is the event as Stripe sent it, and goes back onto its queue."""

    unexplained = "it could not be followed again and again; the log of StripeEvents says why"

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def describe(self, letter: Letter) -> str:
        """Say which event it is; through EventBridge it comes in an envelope."""
        event = _object(letter) or {}
        detail = event.get("detail")
        if isinstance(detail, dict) and "detail-type" in event:
            event = detail
        return f"{event['type']} {event['id']}" if {"type", "id"} <= event.keys() else letter.body

    def redrive(self, letter: Letter) -> None:
        """Send it again as it is."""
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=letter.body)


class Changes:
    """Changes of the table: a letter is a record of its stream or, if it is Lambda's, says where some are."""

    unexplained = "the announcer failed on them for six hours"

    def __init__(self, stream: Stream, announcer: Announcer) -> None:
        self._stream = stream
        self._announcer = announcer

    def describe(self, letter: Letter) -> str:
        """Say whose row changed, or how many changes there are and where."""
        record = _object(letter) or {}
        if pointer := Pointer.read(record):
            return f"{pointer.count} changes from {pointer.first} in {pointer.shard_id}"
        keys = record.get("dynamodb", {}).get("Keys", {})
        names = " ".join(str(value) for key in keys.values() for value in key.values())
        return f"{record.get('eventName')} {names}" if names else letter.body

    def redrive(self, letter: Letter) -> None:
        """Announce it, or what it points to, as the stream would have it announced."""
        record = _object(letter)
        if record is None:
            raise NotRedrivenError("it is no record of the stream, and points to none")
        pointer = Pointer.read(record)
        try:
            self._announcer.announce(self._stream.read(pointer) if pointer else [record])
        except (LookupError, RuntimeError) as error:
            raise NotRedrivenError(str(error)) from error


def _object(letter: Letter) -> dict[str, Any] | None:
    """Return what a letter says, if it is a JSON object."""
    try:
        said = json.loads(letter.body)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
