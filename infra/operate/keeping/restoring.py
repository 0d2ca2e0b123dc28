"""A table as it was at a point in time, with what a restored one lacks, for the stack to go on with."""

import time
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SECONDS_BETWEEN = 10.0
MOST_LOOKS = 6 * 60 * 8
"""Eight hours: a restore takes minutes where the table is small, and hours where it is not."""


class Restored(NamedTuple):
    """What the stack is told of a table that takes the place of its own."""

    table: str
    stream: str

    @property
    def parameters(self) -> str:
        """As `sam deploy --parameter-overrides` takes it, beside those that samconfig.toml has."""
        return f"ExistingTable={self.table}/stream/{self.stream}"


def restore(
    client: "DynamoDBClient",
    table: str,
    name: str,
    at: datetime | None,
    seconds_between: float = SECONDS_BETWEEN,
) -> Restored:
    """Restore a table under another name as it was at a time, the latest that there is if None.

    A restored table is a new one, without stream, time to live, recovery or protection: it gets them. It may
    be begun again after it was stopped: what is there already is gone on with.
    """
    try:
        client.describe_table(TableName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        when = {"UseLatestRestorableTime": True} if at is None else {"RestoreDateTime": at}
        client.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=name, **when)
    _wait_until_active(client, name, seconds_between)
    described = client.describe_table(TableName=name)["Table"]
    if not described.get("StreamSpecification", {}).get("StreamEnabled"):
        client.update_table(
            TableName=name,
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        _wait_until_active(client, name, seconds_between)
    status = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
    if status not in {"ENABLED", "ENABLING"}:
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"}
        )
    client.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    client.update_table(TableName=name, DeletionProtectionEnabled=True)
    _wait_until_active(client, name, seconds_between)
    return Restored(name, client.describe_table(TableName=name)["Table"]["LatestStreamLabel"])


def _wait_until_active(client: "DynamoDBClient", name: str, seconds_between: float) -> None:
    """Wait until a table and its index can be used.

    Raises:
        TimeoutError: it takes longer than eight hours.
    """
    for _ in range(MOST_LOOKS):
        found = client.describe_table(TableName=name)["Table"]
        indexes = found.get("GlobalSecondaryIndexes", [])
        if found["TableStatus"] == "ACTIVE" and all(each.get("IndexStatus") == "ACTIVE" for each in indexes):
            return
        time.sleep(seconds_between)
    raise TimeoutError(f"The table {name} is not ready: look at DynamoDB's console, and begin again")
