"""DynamoDB as the ledger needs it: read neighbours in order, write several items at once or none."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from tollkeeper.ledger.keys import Key
from tollkeeper.ledger.rows import Item, marshal

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Write = dict[str, Any]

MOST_WRITES = 100
"""The most items DynamoDB takes in one transaction."""

MOST_READS = 100
"""The most items DynamoDB returns by their keys in one request."""

CONDITION_FAILED = "ConditionalCheckFailed"
PASSING = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
"""Codes with which DynamoDB refuses today what it may do in a moment."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one write of a cancelled transaction was refused, and the item that stood in its way.

    `code` is DynamoDB's (`None` for a write that was fine in itself).
    """

    code: str
    item: Item | None


class UnavailableError(Exception):
    """DynamoDB gave no answer, or one that may differ next time. A write may have been made or not."""


class TransactionCancelledError(Exception):
    """A transaction was refused as a whole; nothing was written. `reasons` are in the order of the writes."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__(", ".join(reason.code for reason in reasons))
        self.reasons = reasons

    @property
    def only_by_condition(self) -> bool:
        """Whether conditions refused it, rather than a race or a throttle that may pass."""
        return {reason.code for reason in self.reasons} <= {"None", CONDITION_FAILED}


class Table:
    """The one table, by the name its stack gave it."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self.name = name

    def query(self, pk: str, first: str, last: str) -> list[Item]:
        """Return the items of a partition between two sort keys, both included, the highest first.

        The read is strongly consistent.
        """
        return self._query(
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={":pk": {"S": pk}, ":first": {"S": first}, ":last": {"S": last}},
            ConsistentRead=True,
            ScanIndexForward=False,
        )

    def get_all(self, wanted: Iterable[Key]) -> Iterator[Item]:
        """Return those of the items that exist, in any order, strongly consistent."""
        for some in batched(wanted, MOST_READS, strict=False):
            asked: dict[str, Any] = {"Keys": [_keyed(key) for key in some], "ConsistentRead": True}
            while asked:
                answer = self._client.batch_get_item(RequestItems={self.name: asked})  # type: ignore[dict-item]
                yield from answer["Responses"].get(self.name, [])
                asked = dict(answer.get("UnprocessedKeys", {}).get(self.name, {}))

    def due(self, shard: str, until: str) -> list[Key]:
        """Return the keys in a shard of the index whose time has come, the longest due first."""
        found = self._query(
            IndexName="due",
            KeyConditionExpression="due = :due AND dueAt <= :until",
            ExpressionAttributeValues={":due": {"S": shard}, ":until": {"S": until}},
        )
        return [Key(item["pk"]["S"], item["sk"]["S"]) for item in found]

    def _query(self, **parameters: Any) -> list[Item]:  # noqa: ANN401 - they are those of boto3's query
        items: list[Item] = []
        while True:
            answer = self._client.query(TableName=self.name, **parameters)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return items
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all writes, or none.

        Raises:
            TransactionCancelledError: a condition failed, or another writer was at one of the items.
            UnavailableError: the outcome is unknown.
        """
        try:
            self._client.transact_write_items(TransactItems=list(writes))  # type: ignore[arg-type]
        except self._client.exceptions.TransactionCanceledException as error:
            raise TransactionCancelledError(_reasons(error)) from error
        except (ClientError, HTTPClientError, BotoConnectionError) as error:
            if _may_pass(error):
                raise UnavailableError from error
            raise

    def put(self, key: Key, item: Item) -> Write:
        """Return the write of a new item; refused, showing the old one, when its key is taken."""
        return {
            "Put": {
                "TableName": self.name,
                "Item": _keyed(key) | item,
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def update(
        self,
        key: Key,
        expression: str,
        values: Item,
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Write:
        """Return the write that changes an item or begins it, if a condition holds."""
        update: dict[str, Any] = {
            "TableName": self.name,
            "Key": _keyed(key),
            "UpdateExpression": expression,
            "ExpressionAttributeValues": values,
        }
        if condition:
            update |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if names:
            update["ExpressionAttributeNames"] = dict(names)
        return {"Update": update}


def _keyed(key: Key) -> Item:
    return marshal({"pk": key.pk, "sk": key.sk})


def _reasons(error: ClientError) -> list[Reason]:
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    return [Reason(reason.get("Code", "None"), reason.get("Item")) for reason in reasons]


def _may_pass(error: Exception) -> bool:
    return not isinstance(error, ClientError) or error.response["Error"]["Code"] in PASSING
