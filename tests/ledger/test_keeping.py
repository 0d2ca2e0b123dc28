"""The commands that keep a table, on an emulated DynamoDB: restored, brought forward, rid of a user."""

from typing import TYPE_CHECKING

import pytest

from infra.operate.__main__ import main
from infra.operate.keeping.migrating import migrate
from infra.operate.keeping.restoring import restore
from tests.ledger.tables import create_table
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.table import Change, Key, Put

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PROFILE = Key("USER#ada", "PROFILE")
PERIOD = Key("USER#ada", "PERIOD#2025-11-03T09:30:15Z#calendar")
OLD_TERMS = '{"plan": "free", "limits": {"exports": 5}}'


def ledger(client: "DynamoDBClient", name: str) -> DynamoTable:
    """A table with Ada in it, as the first release wrote her."""
    create_table(client, name)
    table = DynamoTable(client, name)
    table.transact([Put(PROFILE, {"userId": "ada"}), Put(PERIOD, {"terms": OLD_TERMS, "used_exports": 2})])
    table.transact([Put(Key("RECORD#ada#1", "RECORD"), {"m": "exports", "q": 2, "t": 0})])
    return table


def test_rows_come_forward_once(moto_client: "DynamoDBClient") -> None:
    """Said first, then done; a second time there is nothing to do."""
    table = ledger(moto_client, "to-migrate")
    told = migrate(moto_client, "to-migrate", applies=False)
    assert {"present": 0, "changed": 2, "moved": 0} == told
    assert told == migrate(moto_client, "to-migrate", applies=True)
    assert {"present": 2, "changed": 0, "moved": 0} == migrate(moto_client, "to-migrate", applies=True)
    row = next(table.get_all([PERIOD]))
    assert ('{"v":2,"plan":"free","limits":{"exports":5}}', 2) == (row["terms"], row["used_exports"])


@pytest.mark.parametrize("emulator", ["moto", "ministack"])
def test_a_restored_table_has_what_the_stacks_own_has(emulator: str, request: pytest.FixtureRequest) -> None:
    """Its rows, index, stream, time to live, recovery and protection; once more changes nothing."""
    client: DynamoDBClient = request.getfixturevalue(f"{emulator}_client")
    table, name = ledger(client, f"lost-{emulator}"), f"found-{emulator}"
    client.update_continuous_backups(
        TableName=f"lost-{emulator}",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    found = restore(client, f"lost-{emulator}", name, at=None, seconds_between=0)
    assert found == restore(client, f"lost-{emulator}", name, at=None, seconds_between=0)
    described = client.describe_table(TableName=name)["Table"]
    assert "NEW_AND_OLD_IMAGES" == described["StreamSpecification"]["StreamViewType"]
    assert ["due"] == [each["IndexName"] for each in described["GlobalSecondaryIndexes"]]
    assert described["LatestStreamLabel"] == found.stream
    assert described["DeletionProtectionEnabled"]
    kept = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ("ENABLED", "expiresAt") == (kept["TimeToLiveStatus"], kept["AttributeName"])
    assert f"ExistingTable={name}/stream/{found.stream}" == found.parameters
    restored = DynamoTable(client, name)
    assert list(table.get_all([PERIOD])) == list(restored.get_all([PERIOD]))
    restored.transact([Change(PERIOD, add={"used_exports": 1})])
    assert 2 == next(table.get_all([PERIOD]))["used_exports"]


def test_a_user_is_erased_by_a_command(
    moto_client: "DynamoDBClient", capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says under which name the rest stays; who subscribes is told what to do first."""
    table = ledger(moto_client, "to-erase")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert 0 == main(["erase", "ada", "--by", "kim", "--table", "to-erase"])
    assert "stays under erased-" in capsys.readouterr().out
    assert [] == list(table.get_all([PROFILE, PERIOD]))
    assert [] == table.query("USER#ada", " ", "~")
