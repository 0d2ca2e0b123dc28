"""A stand-in for Stripe per test, with the catalogue applied to it, and a gateway that speaks to it."""

from collections.abc import Iterator

import pytest

from infra.operate.stripe_catalogue.gateway import StripeCatalogue
from infra.operate.stripe_catalogue.planning import plan, wanted
from infra.stripe_standin.app import create_app
from infra.stripe_standin.clocks.sandbox_clock import SandboxClock
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
    app = create_app(clock=SandboxClock(frozen_at=START), public_url=host.url)
    with host.serving(app):
        sandbox = Sandbox(host.http, [])
        catalogue = load()
        stripe = StripeCatalogue(sandbox.stripe)
        for step in plan(catalogue, stripe.read([*wanted(catalogue)]), START):
            stripe.take(step, START)
        yield sandbox


@pytest.fixture
def gateway(sandbox: Sandbox) -> StripeGateway:
    """The gateway of a deployment called `live`."""
    return StripeGateway(connect("sk_test_live", sandbox.url), load(), "live")
