"""The stack's table, as somebody with IAM rights reads it: rows as DynamoDB has them."""

from typing import TYPE_CHECKING, Any

import boto3
from boto3.dynamodb.conditions import Attr, Key

from infra.local.places import Stack
from tests.ledger.tables import CREDENTIALS
from tollkeeper.rules.times import from_microseconds

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

type Row = dict[str, Any]


class Database:
    """The one table of a stack. Its keys are those of docs/architecture.md, written out."""

    def __init__(self, stack: Stack) -> None:
        self._table: Table = boto3.resource("dynamodb", endpoint_url=stack.awsEndpoint, **CREDENTIALS).Table(
            stack.table
        )

    def rows(self, user_id: str, kind: str) -> list[Row]:
        """Return a user's rows of a kind, such as PERIOD, oldest first."""
        mine = Key("pk").eq(f"USER#{user_id}") & Key("sk").begins_with(kind)
        return self._table.query(KeyConditionExpression=mine, ConsistentRead=True)["Items"]

    def period(self, user_id: str) -> Row:
        """Return the row of a user's newest period."""
        return self.rows(user_id, "PERIOD#")[-1]

    def records(self, user_id: str) -> list[tuple[str, int, str]]:
        """Return what stands under each of a user's records: metric, quantity and billing month."""
        mine = Attr("pk").begins_with(f"RECORD#{user_id}#")
        found: list[Row] = []
        more: dict[str, Any] = {}
        while True:
            page = self._table.scan(FilterExpression=mine, ConsistentRead=True, **more)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                break
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        return [(str(row["m"]), int(row["q"]), f"{from_microseconds(int(row['t'])):%Y-%m}") for row in found]
