"""A second stack, which is deployed again, and killed, while people use it."""

from collections.abc import Iterator

import pytest

from tests.e2e.deployed import run
from tests.e2e.stacks import Business


@pytest.fixture(scope="session")
def business(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Business]:
    """A second stack, which sells to organisations what each test deploys."""
    business = Business(tmp_path_factory.mktemp("business"))
    yield business
    run(business.home, "down")
