"""A Tollkeeper on loopback, and clients of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.tollkeeper_api import TollkeeperApi, listening
from tollkeeper import catalogue
from tollkeeper.catalogue import Catalogue, load
from tollkeeper.client import ClientCredentials, Tollkeeper

SHIPPED = Path(catalogue.__file__).with_name("catalogue.toml")

PATIENCE = 0.3
"""Seconds that a client of these tests waits for an answer about limits."""

type MakeTollkeeper = Callable[..., Tollkeeper]


def client_of(api: TollkeeperApi, **options: Any) -> Tollkeeper:  # noqa: ANN401 - options of any kind
    """Make a client that sends only when it is told to."""
    credentials = ClientCredentials(f"{api.url}/token", "host", "secret")
    return Tollkeeper(api.url, credentials, **{"interval": 3_600.0, "patience": PATIENCE, **options})


@pytest.fixture
def api() -> Iterator[TollkeeperApi]:
    """Tollkeeper, at which everybody may create three designs."""
    with listening(TollkeeperApi(limits={"designsCreated": 3})) as api:
        yield api


@pytest.fixture
def make(api: TollkeeperApi) -> Iterator[MakeTollkeeper]:
    """Make clients that send only when they are told to; they are closed in the end."""
    made: list[Tollkeeper] = []

    def make(**options: Any) -> Tollkeeper:  # noqa: ANN401 - the same
        made.append(client_of(api, **options))
        return made[-1]

    yield make
    for each in made:
        each.close(0.1)


@pytest.fixture
def tollkeeper(make: MakeTollkeeper) -> Tollkeeper:
    """One client."""
    return make()


@pytest.fixture
def closed(tmp_path: Path) -> Catalogue:
    """The catalogue as it ships, but designs are not created while Tollkeeper is away."""
    shipped = SHIPPED.read_text()
    file = tmp_path / "catalogue.toml"
    file.write_text(shipped.replace('"Designs created",', '"Designs created", unreachable = "closed",'))
    return load(file)
