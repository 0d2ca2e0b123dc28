"""The table's stream once more: changes are read from it, and handed to the announcer as Lambda does."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError

from tollkeeper.rules.times import epoch

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_lambda import LambdaClient

type Record = Mapping[str, Any]
"""A record of the stream as Lambda hands it over."""

GONE = {"ExpiredIteratorException", "ResourceNotFoundException", "TrimmedDataAccessException"}

MOST_PAGES = 1_000
"""Of a shard: many times what one keeps of a day between two changes."""

BATCH = 100
"""Records that the announcer takes at once, as template.yaml has it."""


class GoneError(LookupError):
    """The stream does not keep a change any more."""


class FailedError(RuntimeError):
    """The announcer failed."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where in the stream the changes stand that Lambda gave up (`OnFailure` of an event source)."""

    stream_arn: str
    shard_id: str
    first: str
    last: str
    count: int

    @classmethod
    def read(cls, letter: Mapping[str, Any]) -> Self | None:
        """Read what Lambda wrote; None if it was not Lambda."""
        batch = letter.get("DDBStreamBatchInfo")
        if not isinstance(batch, dict):
            return None
        return cls(
            stream_arn=batch["streamArn"],
            shard_id=batch["shardId"],
            first=batch["startSequenceNumber"],
            last=batch["endSequenceNumber"],
            count=int(batch["batchSize"]),
        )


class Stream:
    """The stream, which keeps a change for 24 hours."""

    def __init__(self, client: "DynamoDBStreamsClient") -> None:
        self._client = client

    def read(self, pointer: Pointer) -> list[Record]:
        """Return the changes that a pointer points to, and those that stand between them.

        Raises:
            GoneError: not all of them are kept any more.
        """
        found: list[Record] = []
        for record in self._from(pointer):
            if int(record["dynamodb"]["SequenceNumber"]) > int(pointer.last):
                break
            found.append(record)
        if not found or found[-1]["dynamodb"]["SequenceNumber"] != pointer.last:
            raise GoneError("the stream keeps changes for 24 hours, and these are older")
        return found

    def _from(self, pointer: Pointer) -> Iterator[dict[str, Any]]:
        try:
            iterator = self._client.get_shard_iterator(
                StreamArn=pointer.stream_arn,
                ShardId=pointer.shard_id,
                ShardIteratorType="AT_SEQUENCE_NUMBER",
                SequenceNumber=pointer.first,
            ).get("ShardIterator")
            for _ in range(MOST_PAGES):
                if iterator is None:
                    return
                page = self._client.get_records(ShardIterator=iterator)
                yield from (_as_lambda_has_it(each, pointer.stream_arn) for each in page["Records"])
                iterator = page.get("NextShardIterator")
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return
            raise


class Announcer:
    """The deployed function."""

    def __init__(self, client: "LambdaClient", function: str) -> None:
        self._client = client
        self._function = function

    def announce(self, records: Sequence[Record]) -> None:
        """Have changes announced. What of them still cannot be, the function puts aside anew.

        Raises:
            FailedError: not all of them were.
        """
        for some in batched(records, BATCH, strict=False):
            answer = self._client.invoke(
                FunctionName=self._function, Payload=json.dumps({"Records": some}).encode()
            )
            said = json.load(answer["Payload"])
            if "FunctionError" in answer:
                raise FailedError(f"the announcer failed: {said.get('errorMessage', said)}")
            if failed := said["batchItemFailures"]:
                raise FailedError(f"{len(failed)} of {len(some)} changes could not be announced; see its log")


def _as_lambda_has_it(record: Mapping[str, Any], stream_arn: str) -> dict[str, Any]:
    """Return a record as Lambda would hand it over: boto3 reads the one text in it that is a time."""
    change = dict(record["dynamodb"])
    written_at = change["ApproximateCreationDateTime"]
    if isinstance(written_at, datetime):
        change["ApproximateCreationDateTime"] = epoch(written_at)
    return {**record, "dynamodb": change, "eventSourceARN": stream_arn}
