"""The whole stack on free ports, deployed once for the tests of this folder and stopped afterwards."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.places import Home, Stack
from tests.e2e.deployed import callers, home, run, stack
from tests.e2e.queues import Queues

__all__ = ["callers", "home", "host", "queues", "stack", "user"]

LOOKS_AT_LOGS = "test_what_is_logged.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what looks at the stack's logs come last of this folder."""
    places = [number for number, each in enumerate(items) if each.path.parent == Path(__file__).parent]
    ordered = sorted((items[each] for each in places), key=lambda each: each.path.name == LOOKS_AT_LOGS)
    for place, each in zip(places, ordered, strict=True):
        items[place] = each


@pytest.fixture(scope="session")
def queues(stack: Stack) -> Queues:
    """The queues of the stack under test."""
    return Queues(stack)


@pytest.fixture(scope="module")
def host(home: Home) -> Iterator[httpx.Client]:
    """The example host beside the stack, started as `make up HOST=1` does."""
    run(home, "up", "--host")
    with httpx.Client(base_url=home.host_file.read_text().strip(), timeout=30, trust_env=False) as client:
        yield client
    home.example_host.stop()


@pytest.fixture
def user() -> str:
    """The id of somebody whom the stack does not know."""
    return f"user-{uuid.uuid4().hex[:8]}"
