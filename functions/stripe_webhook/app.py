"""The function URL that Stripe calls: verify the signature, queue the event, answer."""

import base64
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from tollkeeper import runtime
from tollkeeper.settings import secret
from tollkeeper.stripe_signature import is_signed
from tollkeeper.telemetry import logger

MOST_CHARACTERS = 350_000
"""Of the body as it arrives, perhaps in base64. Stripe's largest events are far smaller."""


@logger.inject_lambda_context
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Answer 200 once an event is safely queued, and something else if it is not."""
    body = event.get("body") or ""
    if len(body) > MOST_CHARACTERS:
        return _answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "The body is too large.")
    settings = runtime.settings()
    payload = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    signature = event.get("headers", {}).get("stripe-signature", "")
    secrets = secret(settings.stripe_webhook_secret_parameter).split(",")
    # Stripe signs on the real time, whatever time a sandbox is at.
    if not is_signed(payload, signature, secrets, datetime.now(UTC)):
        return _answer(HTTPStatus.BAD_REQUEST, "bad_signature", "The signature does not fit the body.")
    try:
        runtime.sqs().send_message(QueueUrl=settings.stripe_event_queue_url, MessageBody=payload.decode())
    except (BotoCoreError, ClientError):
        logger.exception("A Stripe event could not be queued; Stripe will send it again")
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Please send it again.")
    return {"statusCode": HTTPStatus.OK}


def _answer(status: HTTPStatus, error: str, message: str) -> dict[str, Any]:
    body = json.dumps({"error": error, "message": message})
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": body}
