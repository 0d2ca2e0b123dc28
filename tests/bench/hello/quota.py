"""The least that can answer from the ledger: the measure of how fast the quota function starts."""

import os
from typing import Any

import boto3

table = boto3.client("dynamodb")


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Read the user's row and say hello."""
    key = {"pk": {"S": f"USER#{event['queryStringParameters']['userId']}"}, "sk": {"S": "PROFILE"}}
    table.get_item(TableName=os.environ["TABLE_NAME"], Key=key)
    return {"statusCode": 200, "body": "hello"}
