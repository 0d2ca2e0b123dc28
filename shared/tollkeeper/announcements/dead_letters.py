"""Where changes are put aside that cannot be announced, for somebody to look at and perhaps to redrive."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tollkeeper import queues

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class StreamDeadLetters:
    """The stack's queue of them. A letter's body is the record as the stream brought it.

    Those that Lambda itself writes have another shape, and no reason.
    """

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def put(self, record: Mapping[str, Any], reason: str) -> bool:
        """Keep a record of the stream; False if it could not be kept."""
        letter = queues.dead_letter(json.dumps(record), reason)
        return not queues.send(self._client, self._url, [letter])
