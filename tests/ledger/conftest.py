"""One table, three times: in memory, in moto, in MiniStack. What is true of the ledger is true on each."""

import copy
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table as MotoTable

from infra.local import aws
from infra.local.places import Home
from tests.fakes.table import MemoryTable
from tests.ledger.tables import CREDENTIALS, create_table
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class _CopyOnce:
    """Stands in for `copy` inside moto, which copies the whole table once per item of a transaction."""

    def __init__(self) -> None:
        self._copies: dict[int, MotoTable] = {}

    def deepcopy(self, value: object) -> object:
        if not isinstance(value, MotoTable):
            return copy.deepcopy(value)
        if id(value) not in self._copies:
            self._copies[id(value)] = copy.deepcopy(value)
        return self._copies[id(value)]


_transact = DynamoDBBackend.transact_write_items


def _transact_swiftly(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "copy", _CopyOnce())
        _transact(backend, transact_items)


@pytest.fixture(scope="module")
def moto_client() -> Iterator["DynamoDBClient"]:
    """DynamoDB as moto plays it, with one copy of the table per transaction.

    It ends with each file: moto forgets nothing between two tests while somebody still plays.
    """
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoDBBackend, "transact_write_items", _transact_swiftly)
        yield boto3.client("dynamodb", **CREDENTIALS)


@pytest.fixture(scope="session")
def ministack_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a MiniStack of its own."""
    home = Home(Path(tmp_path_factory.mktemp("ministack")))
    endpoint = aws.start(home)
    yield endpoint
    aws.stop(home)


@pytest.fixture(scope="session")
def ministack_client(ministack_endpoint: str) -> "DynamoDBClient":
    """DynamoDB as MiniStack plays it."""
    return boto3.client("dynamodb", endpoint_url=ministack_endpoint, **CREDENTIALS)


_names = (f"ledger-{number}" for number in itertools.count())


@pytest.fixture(params=["memory", "moto", "ministack"])
def table(request: pytest.FixtureRequest) -> Table:
    """An empty table of each kind."""
    if request.param == "memory":
        return MemoryTable()
    client: DynamoDBClient = request.getfixturevalue(f"{request.param}_client")
    name = next(_names)
    create_table(client, name)
    return DynamoTable(client, name)
