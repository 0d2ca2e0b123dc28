"""A fresh stand-in per test, on a free loopback port, spoken to by the unmodified SDK."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from stripe import StripeClient

from infra.local.standin.app import create_app
from infra.local.standin.clock import SandboxClock
from infra.local.standin.loopback import listen
from tests.standin.harness import START, Receiver, Sandbox, Shop, serving


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A stand-in whose clock stands at START and whose stops are noted."""
    listener, url = listen()
    stops: list[datetime] = []

    async def note(instant: datetime) -> None:
        stops.append(instant)

    app = create_app(clock=SandboxClock(frozen_at=START), public_url=url, on_stop=note)
    with serving(app, listener):
        yield Sandbox(url, stops)


@pytest.fixture
def stripe(sandbox: Sandbox) -> StripeClient:
    """The unmodified SDK, pointed at the stand-in."""
    return sandbox.stripe


@pytest.fixture
def shop(stripe: StripeClient) -> Shop:
    """A catalogue to sell from."""
    return Shop(stripe)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A running webhook endpoint."""
    listener, url = listen()
    kept = Receiver()
    kept.url = f"{url}/webhook"
    with serving(Starlette(routes=[Route("/webhook", kept.take, methods=["POST"])]), listener):
        yield kept
