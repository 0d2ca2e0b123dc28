"""Where changes are put aside that cannot be announced, for somebody to look at and perhaps to redrive."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from tollkeeper.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

REASON = "reason"
"""The attribute of a dead letter that says why it is one. Those that Lambda itself writes have none."""

REASON_CHARACTERS = 500


class StreamDeadLetters:
    """The stack's queue of them. A letter's body is the record as the stream brought it."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def put(self, record: Mapping[str, Any], reason: str) -> bool:
        """Keep a record of the stream; False if it could not be kept."""
        # SQS refuses some characters; in JSON, and here, they are escaped with all that is not ASCII.
        text = reason.encode("ascii", "backslashreplace").decode()[:REASON_CHARACTERS]
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=json.dumps(record),
                MessageAttributes={REASON: {"DataType": "String", "StringValue": text}},
            )
        except (BotoCoreError, ClientError):
            logger.exception("A change could not be put aside; it comes again")
            return False
        return True
