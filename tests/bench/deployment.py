"""What template.yaml gives a function, as far as it is needed here: table, queue, secret, and their names."""

import os

import boto3

from infra.local import aws
from tests.examples import ENVIRONMENT
from tests.ledger.tables import create_table

WEBHOOK_SECRET = "whsec_bench"


def deploy(endpoint: str) -> None:
    """Make it at an endpoint, and let this process, and all it starts, be a function's there."""
    aws.enter(endpoint)
    create_table(boto3.client("dynamodb"), ENVIRONMENT["TABLE_NAME"])
    queue = boto3.client("sqs").create_queue(QueueName="bench-stripe-events")["QueueUrl"]
    name = ENVIRONMENT["STRIPE_WEBHOOK_SECRET_PARAMETER"]
    boto3.client("ssm").put_parameter(Name=name, Value=WEBHOOK_SECRET, Type="SecureString")
    os.environ.update({**ENVIRONMENT, "STRIPE_EVENT_QUEUE_URL": queue})
