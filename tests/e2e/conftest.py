"""The whole stack on free ports, deployed once for all tests of this folder and stopped afterwards."""

import uuid
from collections.abc import Iterator

import pytest

from infra.local.places import Home, Stack
from tests.e2e.callers import Callers
from tests.e2e.deployed import deployed, run
from tests.e2e.queues import Queues
from tests.e2e.stacks import Business


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Where the stack under test keeps its files, its logs among them."""
    with deployed(tmp_path_factory.mktemp("stack")) as home:
        yield home


@pytest.fixture(scope="session")
def stack(home: Home) -> Stack:
    """The addresses of the stack under test."""
    return home.stack


@pytest.fixture(scope="session")
def callers(home: Home, stack: Stack) -> Callers:
    """Those who call the stack under test."""
    return Callers(home, stack)


@pytest.fixture(scope="session")
def queues(stack: Stack) -> Queues:
    """The queues of the stack under test."""
    return Queues(stack)


@pytest.fixture(scope="session")
def business(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Business]:
    """A second stack, which sells to organisations what each test deploys."""
    business = Business(tmp_path_factory.mktemp("business"))
    yield business
    run(business.home, "down")


@pytest.fixture
def user() -> str:
    """The id of somebody whom the stack does not know."""
    return f"user-{uuid.uuid4().hex[:8]}"
