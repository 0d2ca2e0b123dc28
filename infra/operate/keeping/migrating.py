"""Every row that has a form, brought to the present one."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tollkeeper.ledger.dynamo import DynamoTable, unmarshal
from tollkeeper.ledger.forms import forward
from tollkeeper.ledger.table import Row, TransactionCancelledError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def migrate(client: "DynamoDBClient", table: str, *, applies: bool) -> Counter[str]:
    """Bring rows forward, one conditional write each; say how many are `present`, `changed` or `moved`.

    It may be stopped, begun again, and run beside itself and live traffic: what somebody else changed in
    between is `moved`, and comes next time. Without `applies` nothing is written: `changed` would be.
    """
    ledger = DynamoTable(client, table)
    report = Counter(present=0, changed=0, moved=0)
    for row in _rows(client, table):
        change = forward(row)
        if change is None:
            report["present"] += 1
            continue
        if applies:
            try:
                ledger.transact([change])
            except TransactionCancelledError:
                report["moved"] += 1
                continue
        report["changed"] += 1
    return report


def _rows(client: "DynamoDBClient", table: str) -> Iterator[Row]:
    """Read the whole table, a megabyte at a time: records too, since DynamoDB reads before it filters."""
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="sk = :profile OR begins_with(sk, :period) OR begins_with(sk, :bill)",
        ExpressionAttributeValues={
            ":profile": {"S": "PROFILE"},
            ":period": {"S": "PERIOD#"},
            ":bill": {"S": "BILL#"},
        },
        ConsistentRead=True,
    )
    for page in pages:
        yield from map(unmarshal, page["Items"])
