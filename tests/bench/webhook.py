"""What acknowledging an event costs in processor time, over what nobody can do without."""

import base64
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

import boto3
from stripe import WebhookSignature

from functions.stripe_webhook.app import handler
from tests.bench.deployment import WEBHOOK_SECRET
from tests.bench.figures import Figure
from tests.fakes.runtime import FakeContext
from tests.fakes.stripe_events import invoice

TOLERANCE_SECONDS = 300
CALLS = 200
ROUNDS = 5


def figures() -> list[Figure]:
    """Measure, with what is deployed for this process, the whole handler and its bare work in turns."""
    client, queue = boto3.client("sqs"), os.environ["STRIPE_EVENT_QUEUE_URL"]
    body = json.dumps(invoice("invoice.paid") | {"padding": "x" * 4_000})  # as long as Stripe's own
    now = int(datetime.now(UTC).timestamp())
    header = WebhookSignature.generate_signature_header(body, WEBHOOK_SECRET, now)
    request = {"headers": {"stripe-signature": header}, "body": body, "isBase64Encoded": False}
    in_base64 = request | {"body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True}

    def bare() -> None:
        WebhookSignature.verify_header(body, header, WEBHOOK_SECRET, TOLERANCE_SECONDS)
        client.send_message(QueueUrl=queue, MessageBody=body)

    def acknowledge() -> None:
        for each in (request, in_base64):
            if handler(each, FakeContext())["statusCode"] != 200:
                raise RuntimeError("the webhook did not acknowledge")

    times = [(_seconds(acknowledge, CALLS // 2), _seconds(bare, CALLS)) for _ in range(ROUNDS)]
    ours, theirs = (min(column) for column in zip(*times, strict=True))
    return [
        Figure(
            "webhook_cpu_ratio",
            "acknowledging an event over verifying it and one bare send to SQS",
            ours / theirs,
            1.5,
        )
    ]


def _seconds(work: Callable[[], object], times: int) -> float:
    begun = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - begun
