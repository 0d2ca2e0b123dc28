"""The function URL that Stripe calls: verify the signature, queue the event, answer."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.api import replies
from tollkeeper.api.replies import Reply
from tollkeeper.runtime import stripe_events
from tollkeeper.stripe.webhook import Delivery, Receipt, receive
from tollkeeper.telemetry import logger

runtime.get_ready(runtime.secrets, stripe_events.stripe_event_queue)


@logger.inject_lambda_context
def handler(event: dict[str, Any], _: LambdaContext) -> Reply:
    """Answer 200 once an event is safely queued, and something else if it is not."""
    secrets = runtime.secrets().read(runtime.settings().stripe_webhook_secret_parameter)
    # Stripe signs on the real time, whatever time a sandbox is at.
    return answer(receive(read(event), secrets, stripe_events.stripe_event_queue(), datetime.now(UTC)))


def read(request: Mapping[str, Any]) -> Delivery:
    """Read a request as Lambda hands it over, in which anything may be missing or null."""
    headers: Mapping[str, str] = request.get("headers") or {}
    return Delivery(
        body=request.get("body") or "",
        signature=next((value for name, value in headers.items() if name.lower() == "stripe-signature"), ""),
        in_base64=bool(request.get("isBase64Encoded")),
    )


def answer(receipt: Receipt) -> Reply:
    """Return the reply to a request, by what became of it."""
    match receipt:
        case Receipt.QUEUED:
            return replies.reply(HTTPStatus.OK)
        case Receipt.UNSIGNED:
            message = "Stripe did not sign this body. If Stripe sent it, check the webhook's signing secret."
            return replies.failure(HTTPStatus.BAD_REQUEST, "bad_signature", message)
        case Receipt.TOO_LARGE:
            return replies.too_large("The body is longer than any event of Stripe's.")
        case Receipt.NOT_QUEUED:
            return replies.unavailable()
