"""What the quota endpoints are asked of."""

import pytest

from tests.fakes.table import MemoryTable


@pytest.fixture
def table() -> MemoryTable:
    """A ledger that knows nobody: everybody is on the free plan."""
    return MemoryTable()
