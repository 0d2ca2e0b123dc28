"""The function URL that Stripe calls: verify the signature, queue the event, answer."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.stripe.webhook import Delivery, Receipt, receive
from tollkeeper.telemetry import logger

REFUSALS = {
    Receipt.UNSIGNED: (
        HTTPStatus.BAD_REQUEST,
        "bad_signature",
        "Stripe did not sign this body. If Stripe sent it, check the webhook's signing secret.",
    ),
    Receipt.TOO_LARGE: (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "too_large",
        "The body is longer than any event of Stripe's.",
    ),
    Receipt.NOT_QUEUED: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "The event could not be queued. Please send it again.",
    ),
}

runtime.get_ready(runtime.secrets, runtime.stripe_event_queue)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Answer 200 once an event is safely queued, and something else if it is not."""
    secrets = runtime.secrets().read(runtime.settings().stripe_webhook_secret_parameter)
    # Stripe signs on the real time, whatever time a sandbox is at.
    return reply(receive(read(event), secrets, runtime.stripe_event_queue(), datetime.now(UTC)))


def read(request: Mapping[str, Any]) -> Delivery:
    """Read a request as Lambda hands it over, in which anything may be missing or null."""
    headers: Mapping[str, str] = request.get("headers") or {}
    return Delivery(
        body=request.get("body") or "",
        signature=next((value for name, value in headers.items() if name.lower() == "stripe-signature"), ""),
        in_base64=bool(request.get("isBase64Encoded")),
    )


def reply(receipt: Receipt) -> dict[str, Any]:
    """Return the response to a request, by what became of it."""
    if receipt is Receipt.QUEUED:
        return {"statusCode": HTTPStatus.OK}
    status, code, message = REFUSALS[receipt]
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"error": code, "message": message}),
    }
