"""What the client adds to a host's request, and what its sums cost at Tollkeeper."""

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from tests.bench import prices, records
from tests.bench.capacity import MeteredTable
from tests.bench.figures import Figure
from tests.fakes.tollkeeper_api import TollkeeperApi, listening
from tests.fakes.tracker import tracker_of
from tests.ledger.crashes import CrashingDeadLetters, Outside
from tollkeeper.client import AsgiMiddleware, ClientCredentials, Tollkeeper
from tollkeeper.client.doors import Handover
from tollkeeper.client.sums import SealedSum
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.usage.batch import Message

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

CALLS = 150
"""Calls of one flush."""

REQUESTS = 40
ROUNDS = 60


class _Kept:
    """A door that keeps what goes through it."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def send(self, sums: Sequence[SealedSum], timeout: float) -> Handover:  # noqa: ARG002 - it takes no time
        """Keep sums."""
        self.texts += [each.text for each in sums]
        return Handover(frozenset(each.id for each in sums))


def figures() -> list[Figure]:
    """Measure."""
    one_user, dollars = _summed(users=1)
    many_users, _ = _summed(users=CALLS)
    after, before = _added_milliseconds()
    return [
        Figure(
            "write_units_per_summed_call", "write units per call, 150 of one user a flush", one_user, 0.06
        ),
        Figure("write_units_per_call_of_many", "… 150 users of one call each", many_users),
        Figure(
            "usd_per_million_summed_calls", "US dollars per million such calls, all requests", dollars, 0.06
        ),
        Figure(
            "client_cpu_ms_after", "milliseconds of processor that the client adds, counted after", after, 0.3
        ),
        Figure("client_cpu_ms_before", "… counted before, over HTTP to loopback", before, 0.3),
    ]


def _summed(users: int) -> tuple[float, float]:
    """Return write units per call, listing and days included, and dollars per million calls."""
    door = _Kept()
    table = MeteredTable()
    flushes = 40
    letters = CrashingDeadLetters([], Outside())
    tracker = tracker_of(table, Counting(table, records.OFFER), letters, records.OFFER.catalogue.metrics)
    for flush in range(flushes):
        now = records.NOW + timedelta(seconds=5 * flush)
        tollkeeper = Tollkeeper("http://127.0.0.1", _NoTokens(), door=door, clock=now.timestamp)
        for number in range(CALLS):
            tollkeeper.track(f"user_2abcDEFghiJKLmno{number % users:04}", "apiCalls")
        door.texts.clear()
        tollkeeper.close()
        body = f'{{"records":[{",".join(door.texts)}]}}'
        begun = time.process_time()
        if tracker.track([Message(str(flush), body, now, receives=1)], now, for_seconds(60)).failed:
            raise RuntimeError("a flush was not counted")
        seconds = time.process_time() - begun
    chunks = ceil(len(body) / prices.SQS_CHUNK)
    one = (
        prices.HTTP_API_REQUEST
        + 2 * prices.LAMBDA_REQUEST
        + 2 * seconds * records.TRACKER_GB * prices.LAMBDA_GB_SECOND
        + (2 * chunks + 1) * prices.SQS_REQUEST
        + table.write_units / flushes * prices.DYNAMODB_WRITE
        + table.read_units / flushes * prices.DYNAMODB_READ
    )
    return table.write_units / flushes / CALLS, one * prices.MILLION / CALLS


class _NoTokens:
    """Whoever sends nothing needs none."""

    def current(self, timeout: float) -> str:  # noqa: ARG002 - the same
        """Return one."""
        return "none"

    def forget_token(self, token: str) -> None:
        """Return the same again."""


def _added_milliseconds() -> tuple[float, float]:
    """Return what a request of each kind costs more than without the client, the whole process measured."""
    with _elsewhere() as url:
        tollkeeper = Tollkeeper(url, ClientCredentials(f"{url}/token", "host", "secret"), interval=1)
        metered = AsgiMiddleware(_host, tollkeeper, user=lambda _: "ada")
        after, before = (_added(metered, path) for path in ("/api/projects", "/api/designs"))
        tollkeeper.close()
    return after, before


def _added(metered: AsgiMiddleware, path: str) -> float:
    """Return milliseconds a request. A busy machine only ever adds, so the least of each is compared."""
    pairs = [
        [_seconds(partial(_serve_requests, app, path)) for app in (metered, _host)] for _ in range(ROUNDS)
    ]
    ours = min(pair[0] for pair in pairs)
    bare = min(pair[1] for pair in pairs)
    return 1_000 * (ours - bare) / REQUESTS


def _serve_requests(app: Any, path: str) -> None:  # noqa: ANN401 - an application
    asyncio.run(_requests(app, path))


async def _host(_: Any, __: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def _requests(app: Any, path: str) -> None:  # noqa: ANN401 - an application
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(_: object) -> None:
        pass

    for _ in range(REQUESTS):
        await app({"type": "http", "method": "POST", "path": path, "headers": []}, receive, send)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


@contextmanager
def _elsewhere() -> Iterator[str]:
    """Tollkeeper in a process of its own, whose time is not the host's."""
    context = multiprocessing.get_context("spawn")
    told: Queue[str] = context.Queue()
    process = context.Process(target=_serve, args=(told,), daemon=True)
    process.start()
    try:
        yield told.get(timeout=60)
    finally:
        process.terminate()
        process.join()


def _serve(told: "Queue[str]") -> None:
    with listening(TollkeeperApi()) as api:
        told.put(api.url)
        time.sleep(600)


if __name__ == "__main__":
    for each in figures():
        print(each)  # noqa: T201 - a command line prints
