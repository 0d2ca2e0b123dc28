"""What acknowledging an event costs in processor time, over what nobody can do without."""

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from unittest.mock import patch

import boto3
from stripe import WebhookSignature

from tests.bench.figures import Figure
from tests.ledger.tables import CREDENTIALS
from tests.unit.events import invoice
from tests.unit.examples import ENVIRONMENT
from tests.unit.fakes import FakeContext

SECRET = "whsec_bench"
TOLERANCE_SECONDS = 300
CALLS = 200
ROUNDS = 5


def figures(endpoint: str) -> list[Figure]:
    """Measure, with an SQS and an SSM at an endpoint, the whole handler and its bare work in turns."""
    client = boto3.client("sqs", endpoint_url=endpoint, **CREDENTIALS)
    queue = client.create_queue(QueueName="bench-stripe-events")["QueueUrl"]
    _store_secret(endpoint)
    body = json.dumps(invoice("invoice.paid") | {"padding": "x" * 4_000})  # as long as Stripe's own
    header = WebhookSignature.generate_signature_header(body, SECRET, int(datetime.now(UTC).timestamp()))

    def bare() -> None:
        WebhookSignature.verify_header(body, header, SECRET, TOLERANCE_SECONDS)
        client.send_message(QueueUrl=queue, MessageBody=body)

    environment = {
        **ENVIRONMENT,
        "STRIPE_EVENT_QUEUE_URL": queue,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": CREDENTIALS["region_name"],
        "AWS_DEFAULT_REGION": CREDENTIALS["region_name"],
        "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
    }
    with patch.dict("os.environ", environment):
        from functions.stripe_webhook.app import handler  # noqa: PLC0415 - it reads the environment

        request = {"headers": {"stripe-signature": header}, "body": body, "isBase64Encoded": False}
        in_base64 = request | {
            "body": base64.b64encode(body.encode()).decode(),
            "isBase64Encoded": True,
        }

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


def _store_secret(endpoint: str) -> None:
    name = ENVIRONMENT["STRIPE_WEBHOOK_SECRET_PARAMETER"]
    ssm = boto3.client("ssm", endpoint_url=endpoint, **CREDENTIALS)
    ssm.put_parameter(Name=name, Value=SECRET, Type="SecureString", Overwrite=True)


def _seconds(work: Callable[[], object], times: int) -> float:
    begun = time.process_time()
    for _ in range(times):
        work()
    return time.process_time() - begun
