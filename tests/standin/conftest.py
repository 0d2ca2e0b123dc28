"""A fresh stand-in per test, spoken to over a loopback port by the unmodified SDK."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from stripe import StripeClient

from tests.standin.harness import Host, Receiver, Sandbox, Shop


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """The server that each test's stand-in runs on."""
    running = Host()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def other_host() -> Iterator[Host]:
    """The server that each test's webhook endpoint runs on."""
    running = Host()
    yield running
    running.stop()


@pytest.fixture
def sandbox(host: Host) -> Iterator[Sandbox]:
    """A stand-in whose clock stands at START and whose stops are noted."""
    with host.opened() as opened:
        yield opened


@pytest.fixture
def stripe(sandbox: Sandbox) -> StripeClient:
    """The unmodified SDK, pointed at the stand-in."""
    return sandbox.stripe


@pytest.fixture
def shop(stripe: StripeClient) -> Shop:
    """A catalogue to sell from."""
    return Shop(stripe)


@pytest.fixture
def receiver(other_host: Host) -> Iterator[Receiver]:
    """A running webhook endpoint."""
    kept = Receiver()
    with other_host.serving(Starlette(routes=[Route("/webhook", kept.take, methods=["POST"])])) as url:
        kept.url = f"{url}/webhook"
        yield kept
