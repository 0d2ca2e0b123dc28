"""A stand-in for Stripe per test, with the catalogue applied to it, and a gateway that speaks to it."""

from collections.abc import Iterator

import pytest

from tests.integration.catalogued import catalogued
from tests.standin.harness import Host, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.stripe.gateway import StripeGateway, connect


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """The server that each test's stand-in runs on."""
    running = Host()
    yield running
    running.stop()


@pytest.fixture
def sandbox(host: Host) -> Iterator[Sandbox]:
    """A stand-in whose clock stands at START, and which sells what the catalogue says."""
    with catalogued(host) as sandbox:
        yield sandbox


@pytest.fixture
def gateway(sandbox: Sandbox) -> StripeGateway:
    """The gateway of a deployment called `live`."""
    return StripeGateway(connect("sk_test_live", sandbox.url), load(), "live")
