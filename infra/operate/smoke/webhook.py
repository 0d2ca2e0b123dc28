"""The webhook: that it refuses what Stripe did not sign, and that Stripe sends there."""

from collections.abc import Iterator
from http import HTTPStatus

import boto3
import httpx

from infra.operate.checks import Check
from infra.operate.stacks import Stack, deployed
from infra.operate.stripe_catalogue.destinations import Destinations, Leave, plan_destinations

AREA = "webhook"
TIMEOUT_SECONDS = 30.0


def refused(stack: Stack) -> Iterator[Check]:
    """Send what nobody has signed: 400."""
    forged = {"stripe-signature": "t=1,v1=0000", "content-type": "application/json"}
    answer = httpx.post(stack.webhook, content="{}", headers=forged, timeout=TIMEOUT_SECONDS)
    yield Check(
        AREA,
        "a forged signature is refused",
        is_well=answer.status_code == HTTPStatus.BAD_REQUEST,
        found=f"it answers {answer.status_code} {answer.text[:100]!r}, and should 400: see the log of "
        "StripeWebhook; where it lacks a secret, run `tollkeeper stripe apply`",
    )


def tied(stack: Stack) -> Iterator[Check]:
    """See that the stack has a key of its stage's mode, and that Stripe sends it both styles of events."""
    inside = deployed(stack)
    yield Check(AREA, "Stripe's key fits the stage", is_well=True)
    settings = inside.settings
    parameters = boto3.client("ssm").get_parameters(Names=[settings.stripe_webhook_secret_parameter])
    has_secrets = bool(parameters["Parameters"])
    destinations = Destinations(inside.client, stack.webhook, settings.deployment)
    for step in plan_destinations(destinations.found(), settings.deployment, has_secrets=has_secrets):
        yield Check(
            AREA,
            "Stripe's destinations",
            is_well=isinstance(step, Leave),
            found=f"{str(step).lstrip('+~! ')}: run `tollkeeper stripe apply`",
        )
