"""The example host goes on while Tollkeeper is dead, and dies itself (DESIGN rule 16)."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Self

import httpx
import pytest

from infra.example_host.__main__ import FLUSH_SECONDS
from tests.e2e.callers import soon
from tests.e2e.deployed import run
from tests.e2e.queues import Queues
from tests.e2e.stacks import OBSERVED, Business

PATHS = {"/api/designs": "designsCreated", "/api/projects": "apiCalls"}
"""What is counted before a request, and what after."""

BEFORE, AWAY, AFTER = 2.0, 3.0, 2.0
"""Seconds of load: that long before the stack is killed, while it is away at least, and once it is back."""

PAUSE = 0.05
CLIENTS = 2


@dataclass
class Load:
    """Requests of one user to a host, as fast as a busy machine bears, each of which should succeed."""

    host: httpx.Client
    user: str
    answered: list[tuple[float, str]] = field(default_factory=list)
    failed: list[object] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(CLIENTS)
        for _ in range(CLIENTS):
            self._pool.submit(self._go_on)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()

    def counted(self) -> dict[str, int]:
        """How many requests succeeded, by the metric that each counts as."""
        return dict(Counter(PATHS[path] for _, path in self.answered))

    def since(self, when: float, path: str) -> int:
        """How many requests of a path were answered after a time."""
        return sum(at > when and asked == path for at, asked in self.answered)

    def _go_on(self) -> None:
        while not self._over.wait(PAUSE):
            for path in PATHS:
                try:
                    answer = self.host.post(path, json={"name": "one"}, headers={"x-user": self.user})
                except httpx.TransportError as error:
                    self.failed.append(error)
                    return
                if answer.is_success:
                    self.answered.append((time.monotonic(), path))
                else:
                    self.failed.append(answer.status_code)


@pytest.fixture
def host(business: Business) -> Iterator[httpx.Client]:
    """The example host, beside a stack on which nobody reaches a limit."""
    business.deploy(OBSERVED)
    run(business.home, "up", "--host")
    address = business.home.host_file.read_text().strip()
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        yield client
    business.home.example_host.stop()


def used(business: Business, user: str) -> dict[str, int]:
    """Return what has been counted of somebody."""
    shown = business.callers.service.get(f"/users/{user}/subscription").json()["usage"]
    return {metric: shown[metric] for metric in PATHS.values()}


def sending(business: Business) -> float:
    """Return how many seconds usage takes to be taken, while the machine is as busy as it is."""
    begun = time.monotonic()
    business.callers.service.post("/usage", json={"records": []})
    return time.monotonic() - begun


def test_the_stack_is_killed_under_load(host: httpx.Client, business: Business, user: str) -> None:
    """Every request of the host's succeeds, and once the stack is back each is counted, once."""
    Queues(business.stack).show_again_after(10)
    with Load(host, user) as load:
        time.sleep(BEFORE)
        with business.away():
            died = time.monotonic()
            time.sleep(AWAY)
        assert load.since(died, "/api/designs") > 0 < load.since(died, "/api/projects")
        time.sleep(AFTER)
    assert [] == load.failed
    assert load.counted() == soon(lambda: used(business, user), lambda seen: seen == load.counted())


def test_the_host_is_killed_under_load(
    host: httpx.Client, business: Business, user: str, record_property: Callable[[str, object], None]
) -> None:
    """What counts after a request is lost of one interval at most; what counts before it, not at all."""
    with Load(host, user) as load:
        slowest = max(sending(business) for _ in range(3))
        time.sleep(BEFORE + FLUSH_SECONDS + 2 * slowest)
        killed = time.monotonic()
        os.kill(int(business.home.example_host.pid_file.read_text()), signal.SIGKILL)
    time.sleep(2 * slowest)  # what it was sending arrives
    Queues(business.stack).settle()
    counted, answered = used(business, user), load.counted()
    lost = answered["apiCalls"] - counted["apiCalls"]
    record_property("calls lost", lost)
    at_risk = load.since(killed - FLUSH_SECONDS - 2 * slowest, "/api/projects")
    assert -CLIENTS <= lost <= at_risk < answered["apiCalls"], f"{lost} lost, {at_risk} at risk"
    assert 0 <= counted["designsCreated"] - answered["designsCreated"] <= CLIENTS
