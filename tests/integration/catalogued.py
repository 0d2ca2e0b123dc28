"""A stand-in that sells what the catalogue says."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.operate.stripe_catalogue.gateway import StripeCatalogue
from infra.operate.stripe_catalogue.planning import plan, wanted
from infra.stripe_standin.app import create_app
from infra.stripe_standin.clocks.sandbox_clock import SandboxClock
from tests.standin.harness import START, Host, Sandbox
from tollkeeper.catalogue import load


@contextmanager
def catalogued(host: Host) -> Iterator[Sandbox]:
    """Serve a fresh one, whose clock stands at START."""
    app = create_app(clock=SandboxClock(frozen_at=START), public_url=host.url)
    with host.serving(app):
        sandbox = Sandbox(host.http, [])
        catalogue = load()
        stripe = StripeCatalogue(sandbox.stripe)
        for step in plan(catalogue, stripe.read([*wanted(catalogue)]), START):
            stripe.take(step, START)
        yield sandbox
