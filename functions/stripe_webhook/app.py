"""The function URL that Stripe calls: verify the signature, queue the event, answer."""

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.stripe.webhook import receive
from tollkeeper.telemetry import logger

ERRORS = {
    HTTPStatus.BAD_REQUEST: ("bad_signature", "The signature does not fit the body."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("too_large", "The body is too large."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("unavailable", "Please send it again."),
}

runtime.get_ready(runtime.secrets, runtime.stripe_event_queue)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Answer 200 once an event is safely queued, and something else if it is not."""
    secrets = runtime.secrets().read(runtime.settings().stripe_webhook_secret_parameter)
    # Stripe signs on the real time, whatever time a sandbox is at.
    status = receive(event, secrets, runtime.stripe_event_queue(), datetime.now(UTC))
    if status is HTTPStatus.OK:
        return {"statusCode": status}
    code, message = ERRORS[status]
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"error": code, "message": message}),
    }
