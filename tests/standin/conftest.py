"""A fresh stand-in per test, on a free loopback port, with the unmodified SDK and a webhook receiver."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from stripe import StripeClient

from infra.local.standin.app import create_app
from infra.local.standin.clock import SandboxClock, iso

START = datetime(2026, 1, 31, 12, 0, 7, tzinfo=UTC)


class Sandbox:
    """The running stand-in, as a test sees it."""

    def __init__(self, url: str, stops: list[datetime]) -> None:
        self.url = url
        self.stops = stops
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self.stripe = StripeClient(
            "sk_test_tests", base_addresses={"api": url, "meter_events": url}, max_network_retries=0
        )

    def move(self, instant: datetime) -> list[str]:
        """Move the clock and return the stops."""
        answer = self.http.put("/_sandbox/clock", json={"now": iso(instant)})
        assert answer.status_code == 200, answer.text
        stops: list[str] = answer.json()["stops"]
        return stops

    def put(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Change a sandbox setting."""
        return self.http.put(f"/_sandbox/{path}", json=body)


class Receiver:
    """A webhook endpoint that keeps what it was sent, and fails as often as told."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, str]] = []
        self.failures = 0
        self.url = ""

    async def take(self, request: Request) -> Response:
        """Keep a delivery, or refuse it."""
        if self.failures:
            self.failures -= 1
            return Response(status_code=503)
        self.received.append((await request.body(), request.headers["stripe-signature"]))
        return Response(status_code=200)


@contextmanager
def serving(app: Starlette, listener: socket.socket) -> Iterator[None]:
    """Run an application in a background thread."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.005)
    yield
    server.should_exit = True
    thread.join(10)
    listener.close()


def listen() -> tuple[socket.socket, str]:
    """A free loopback port and its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


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
def receiver() -> Iterator[Receiver]:
    """A running webhook endpoint."""
    listener, url = listen()
    kept = Receiver()
    kept.url = f"{url}/webhook"
    with serving(Starlette(routes=[Route("/webhook", kept.take, methods=["POST"])]), listener):
        yield kept
