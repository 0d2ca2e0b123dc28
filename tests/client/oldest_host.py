"""A host of the client's on the oldest Python: run by test_oldest_python.py, with nothing but the wheel.

Its words are those of Python 3.11. It prints what it expects to be counted of each metric.
"""

import asyncio
import json
import os
import sys
import threading
from contextlib import closing
from http import HTTPStatus
from typing import Any

from tollkeeper import __file__ as tollkeeper_file
from tollkeeper.catalogue import load
from tollkeeper.client import (
    AsgiMiddleware,
    ClientCredentials,
    NotAllowedError,
    Tollkeeper,
    WsgiMiddleware,
    lambda_middleware,
)

USER = "ada"


def wsgi_host(environment: dict[str, Any], start_response: Any) -> list[bytes]:  # noqa: ANN401 - as WSGI has it
    """Answer whatever is asked; 500 where the path says so."""
    failing = environment["PATH_INFO"].endswith("broken")
    start_response("500 Broken" if failing else "200 OK", [])
    return [b"done"]


async def asgi_host(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - as ASGI has it
    """Answer whatever is asked."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


def by_wsgi(tollkeeper: Tollkeeper) -> None:
    """Two designs made and one that fails, and one call that is counted after."""
    host = WsgiMiddleware(wsgi_host, tollkeeper, user=lambda _: USER)
    for path in ("/api/designs", "/api/designs", "/api/rooms/broken", "/api/projects"):
        environment = {"REQUEST_METHOD": "POST", "PATH_INFO": path, "SCRIPT_NAME": ""}
        answer: Any = host(environment, lambda *_: bytes)
        with closing(answer):
            assert [b"done"] == list(answer)


async def by_asgi(tollkeeper: Tollkeeper) -> None:
    """Three rooms at once, and a fixture around which a task consumes."""
    host = AsgiMiddleware(asgi_host, tollkeeper=tollkeeper, user=lambda _: USER)
    scope = {"type": "http", "method": "POST", "path": "/api/rooms", "headers": [], "root_path": ""}

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(host(dict(scope), receive, send))
    async with tollkeeper.consuming(USER, "fixturesAdded"):
        pass
    await tollkeeper.flush_async()


def by_lambda(tollkeeper: Tollkeeper) -> None:
    """A handler behind API Gateway."""

    @lambda_middleware(tollkeeper, user=lambda _: USER)
    def handler(_event: object, _context: object) -> dict[str, int]:
        return {"statusCode": 200}

    handler({"rawPath": "/api/predictions", "requestContext": {"http": {"method": "POST"}}}, None)


def by_hand(tollkeeper: Tollkeeper) -> None:
    """Threads and a decorator; of designs the fourth is one too many."""

    @tollkeeper.metered("designsCreated", user="owner")
    def design(owner: str) -> str:
        return owner

    design(USER)
    refused = None
    try:
        design(USER)
    except NotAllowedError as error:
        refused = error.permission.refusal[0]
    assert HTTPStatus.PAYMENT_REQUIRED == refused
    threads = [threading.Thread(target=tollkeeper.track, args=(USER, "apiCalls", 5)) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def by_a_fork(tollkeeper: Tollkeeper) -> None:
    """A child counts its own."""
    child = os.fork()
    if child == 0:
        tollkeeper.track(USER, "apiCalls", 100)
        os._exit(0 if tollkeeper.flush(10) else 1)
    os.waitpid(child, 0)


def main(url: str) -> None:
    """Do all of it, and say what should have been counted."""
    tollkeeper = Tollkeeper(url, ClientCredentials(f"{url}/token", "host", "secret"), interval=3_600.0)
    by_wsgi(tollkeeper)
    asyncio.run(by_asgi(tollkeeper))
    by_lambda(tollkeeper)
    by_hand(tollkeeper)
    by_a_fork(tollkeeper)
    is_sent = tollkeeper.close()
    counted = {
        "designsCreated": 3,
        "roomsCreated": 3,
        "fixturesAdded": 1,
        "mlPredictions": 1,
        "apiCalls": 1 + 4 * 5 + 100,
    }
    told = {"counted": counted, "sent": is_sent, "where": tollkeeper_file, "metrics": len(load().metrics)}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
