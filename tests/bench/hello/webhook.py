"""The least that can pass an event on: the measure of how fast the webhook starts."""

import os
from typing import Any

import boto3

parameters = boto3.client("ssm")
queue = boto3.client("sqs")


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Read the secret, send the body, and say hello."""
    parameters.get_parameter(Name=os.environ["STRIPE_WEBHOOK_SECRET_PARAMETER"], WithDecryption=True)
    queue.send_message(QueueUrl=os.environ["STRIPE_EVENT_QUEUE_URL"], MessageBody=event["body"])
    return {"statusCode": 200, "body": "hello"}
