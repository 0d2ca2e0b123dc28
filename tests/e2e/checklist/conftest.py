"""What several sections of the checklist begin with."""

import httpx
import pytest

from infra.local.demo import Month, live_a_month
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers
from tests.e2e.checklist.visitors import Visitor


@pytest.fixture
def visitor(host: httpx.Client, callers: Callers, user: str) -> Visitor:
    """Somebody on the free plan, at the host."""
    return Visitor(host, callers, user)


@pytest.fixture(scope="session")
def month(home: Home, stack: Stack) -> Month:
    """The assessment's month: 15,000 API calls, 1,200 AI queries and 600 exports on the professional plan."""
    return live_a_month(home, stack)
