"""The table that template.yaml describes, made wherever there is a DynamoDB to make it in."""

from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from infra.local.places import ROOT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CREDENTIALS: dict[str, Any] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}


class _Template(yaml.SafeLoader):
    """Reads template.yaml; what CloudFormation's functions would give is of no interest here."""


_Template.add_multi_constructor("!", lambda *_: None)


@cache
def template() -> dict[str, Any]:
    """Return template.yaml as it is written. It is nobody's to change."""
    read: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Template)  # noqa: S506 - a SafeLoader
    return read


def create_table(client: "DynamoDBClient", name: str) -> None:
    """Make the table that template.yaml describes."""
    described = template()["Resources"]["Table"]["Properties"]
    wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    client.create_table(TableName=name, **{each: described[each] for each in wanted})
