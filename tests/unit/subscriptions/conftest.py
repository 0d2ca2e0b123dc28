"""The ledger that what is said of subscriptions is written to."""

import pytest

from tests.fakes.table import MemoryTable
from tollkeeper.ledger.users import Users


@pytest.fixture
def table() -> MemoryTable:
    """An empty ledger."""
    return MemoryTable()


@pytest.fixture
def users(table: MemoryTable) -> Users:
    """An empty book of users."""
    return Users(table)
