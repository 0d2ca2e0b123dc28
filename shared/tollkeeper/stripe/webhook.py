"""Taking Stripe's events in: verified, queued, and only then acknowledged."""

import base64
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from tollkeeper.stripe.signature import is_signed
from tollkeeper.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MOST_CHARACTERS = 350_000
"""Of the body as it arrives, perhaps in base64. Stripe's largest events are far smaller."""


class EventQueue(Protocol):
    """Where events wait to be followed."""

    def put(self, event: str) -> bool:
        """Keep an event as Stripe wrote it; False if it could not be kept."""


class StripeEventQueue:
    """The queue in SQS."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def put(self, event: str) -> bool:
        """Put an event on the queue, as Stripe wrote it; False if SQS did not take it."""
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=event)
        except (BotoCoreError, ClientError):
            logger.exception("A Stripe event could not be queued; Stripe will send it again")
            return False
        return True


def receive(request: Mapping[str, Any], secrets: str, queue: EventQueue, now: datetime) -> HTTPStatus:
    """Return what to answer to a request at the function URL, with its event safely queued if that is 200.

    The signature is of the very bytes that Stripe sent. What is not signed costs no more than to see that:
    it is neither stored nor logged. `secrets` are those that may have signed, with commas between. `now` is
    the wall clock's time, by which Stripe signs.
    """
    body: str = request.get("body") or ""
    if len(body) > MOST_CHARACTERS:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    headers: Mapping[str, str] = request.get("headers") or {}
    signature = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
    try:
        payload = base64.b64decode(body, validate=True) if request.get("isBase64Encoded") else body.encode()
        event = payload.decode()
    except ValueError:  # no base64, or no UTF-8
        return HTTPStatus.BAD_REQUEST
    known = [secret for each in secrets.split(",") if (secret := each.strip())]
    if not is_signed(payload, signature, known, now):
        return HTTPStatus.BAD_REQUEST
    return HTTPStatus.OK if queue.put(event) else HTTPStatus.SERVICE_UNAVAILABLE
