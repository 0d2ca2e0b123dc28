"""A stand-in for Stripe per test, with the catalogue applied to it, and a gateway that speaks to it."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from stripe import StripeClient

from tests.integration.catalogued import catalogued
from tests.integration.lives import Life
from tests.standin.harness import START, Host, Sandbox
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


@pytest.fixture
def standin(sandbox: Sandbox) -> Life:
    """A life at the stand-in."""
    return Life(sandbox.stripe, "sk_test_standin", sandbox.url, START)


@pytest.fixture
def stripe_itself() -> Iterator[Life]:
    """A life at Stripe itself, in a sandbox that has the catalogue."""
    key = os.environ.get("STRIPE_SECRET_KEY", "")
    if not key.startswith("sk_test_"):
        pytest.skip("needs STRIPE_SECRET_KEY=sk_test_…")
    life = Life(StripeClient(key, max_network_retries=2), key, None, datetime.now(UTC).replace(microsecond=0))
    yield life
    life.end()


@pytest.fixture(params=["standin", "stripe_itself"])
def life(request: pytest.FixtureRequest) -> Life:
    """A life at each."""
    found: Life = request.getfixturevalue(request.param)
    return found
