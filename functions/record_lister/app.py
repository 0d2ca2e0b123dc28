"""Consumed records in the table's stream: list each on a page, as the tracker lists those it counts."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.ledger.listing import list_consumed
from tollkeeper.telemetry import logger


@logger.inject_lambda_context
def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """List a batch, and name the records that must come again."""
    failed = list_consumed(event["Records"], runtime.table())
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
