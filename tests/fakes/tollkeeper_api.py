"""Tollkeeper as its clients see it: an API on loopback that counts by id, as the ledger does."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from ssl import SSLContext
from typing import Any
from urllib.parse import parse_qs, urlsplit

SLOW_SECONDS = 0.5

Fault = str
"""What goes wrong with a call.

`before` answers 500 and does nothing, `after` answers 500 and did it, `cut` did it and hangs up, `slow` does
it late, `429` and `401` turn it away, and an empty text is none.
"""


@dataclass
class Entry:
    """What one id counts."""

    metric: str
    quantity: int
    is_consumed: bool
    released: int = 0


@dataclass
class TollkeeperApi:
    """The API. `limits` are those of everybody; a metric without one is unlimited.

    Attributes:
        fault: Is asked for each call but those for tokens what goes wrong with it.
        entries: What was counted, by user and id.
        conflicts: Ids that came again with another metric or quantity.
        consumed: What was asked for when something was consumed.
        coverage: What was told of an hour last, by process and hour.
        records: How many records came, those that came again among them.
        connections: How many were opened.
        tokens: How many tokens were given; only the last one is good.
    """

    limits: Mapping[str, int] = field(default_factory=dict)
    fault: Callable[[str], Fault] = lambda _: ""
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    agents: Counter[str] = field(default_factory=Counter)
    rejections: dict[str, tuple[str, bool]] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    consumed: list[dict[str, Any]] = field(default_factory=list)
    coverage: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    records: int = 0
    tokens: int = 0
    token_lifetime: float = 3_600
    port: int = 0
    connections: int = 0
    sockets: list[socket] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def hang_up(self) -> None:
        """Close every connection that waits for a call."""
        with self.lock:
            for each in self.sockets:
                with suppress(OSError):  # it has closed meanwhile
                    each.shutdown(SHUT_RDWR)
            self.sockets.clear()

    def counted(self, user: str, metric: str) -> int:
        """Return how much of a metric a user has used."""
        with self.lock:
            return sum(
                each.quantity - each.released
                for (whose, _), each in self.entries.items()
                if (whose, each.metric) == (user, metric)
            )

    def call(self, method: str, target: str, body: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - JSON
        """Do what a call asks for."""
        path = urlsplit(target).path.strip("/").split("/")
        with self.lock:
            match method, path:
                case "POST", ["usage"]:
                    return self._track(body["records"])
                case "POST", ["coverage"]:
                    self.coverage[body["process"], body["hour"]] = body
                    return 200, {"kept": True}
                case "GET", ["quota", metric]:
                    user = parse_qs(urlsplit(target).query)["userId"][0]
                    return 200, self._standing(user, metric)
                case "POST", ["quota", metric, "consume"]:
                    return self._consume(metric, body)
                case "POST", ["quota", metric, "release"]:
                    return self._release(metric, body)
        return 404, {"error": "not_found", "message": target}

    def _track(self, records: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        rejected = []
        self.bodies.append({"records": records})
        for index, each in enumerate(records):
            self.records += 1
            if each["userId"] in self.rejections:
                error, retryable = self.rejections[each["userId"]]
                rejected.append({"index": index, "id": each["id"], "error": error, "retryable": retryable})
                continue
            self._count(
                each["userId"], each["id"], each["eventType"], each.get("quantity", 1), consumed=False
            )
        return 202, {"accepted": len(records) - len(rejected), "rejected": rejected}

    def _count(self, user: str, record_id: str, metric: str, quantity: int, *, consumed: bool) -> None:
        entry = self.entries.setdefault((user, record_id), Entry(metric, quantity, consumed))
        if (entry.metric, entry.quantity) != (metric, quantity):
            self.conflicts.append(record_id)

    def _standing(self, user: str, metric: str) -> dict[str, Any]:
        limit, used = self.limits.get(metric, -1), self.counted(user, metric)
        allowed = limit < 0 or used < limit
        return {"allowed": allowed, "limit": limit, "current": used, "remaining": limit - used}

    def _consume(self, metric: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.consumed.append(body)
        user, quantity = body["userId"], body.get("quantity", 1)
        known = self.entries.get((user, body["id"]))
        if known is not None:
            if known.released:
                return 409, {"error": "already_released", "message": ""}
            return 200, self._standing(user, metric)
        limit = self.limits.get(metric, -1)
        if 0 <= limit < self.counted(user, metric) + quantity:
            return 402, {"error": "Usage limit exceeded", "limit": limit, "upgradeUrl": "/pricing"}
        self._count(user, body["id"], metric, quantity, consumed=True)
        return 200, self._standing(user, metric)

    def _release(self, metric: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        entry = self.entries.get((body["userId"], body["id"]))
        if entry is None or not entry.is_consumed or entry.metric != metric:
            return 404, {"error": "unknown_id", "message": ""}
        entry.released = body.get("quantity", entry.quantity)
        return 200, self._standing(body["userId"], metric)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # an answer goes out in one piece
    disable_nagle_algorithm = True
    api: TollkeeperApi

    def setup(self) -> None:
        """Note the connection."""
        super().setup()
        with self.api.lock:
            self.api.connections += 1
            self.api.sockets.append(self.connection)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        self._answer_all(None)

    def do_POST(self) -> None:
        """Answer."""
        text = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            with self.api.lock:
                self.api.tokens += 1
                self.api.agents[self.headers["User-Agent"]] += 1
                token = {"access_token": f"t-{self.api.tokens}", "expires_in": self.api.token_lifetime}
            self._answer(200, token)
        else:
            self._answer_all(json.loads(text))

    def _answer_all(self, body: Any) -> None:  # noqa: ANN401 - JSON
        api = self.api
        with api.lock:
            fault = api.fault(self.path)
            api.calls[f"{self.command} {urlsplit(self.path).path}"] += 1
            api.agents[self.headers["User-Agent"]] += 1
            good = f"Bearer t-{api.tokens}"
        if fault == "401" or self.headers["Authorization"] != good:
            self._answer(401, {"message": "Unauthorized"})
        elif fault == "429":
            self._answer(429, {"message": "Too Many Requests"})
        elif fault == "before":
            self._answer(500, {"message": "Internal Server Error"})
        else:
            if fault == "slow":
                time.sleep(SLOW_SECONDS)
            answer = api.call(self.command, self.path, body)
            if fault == "cut":
                self.close_connection = True
            elif fault == "after":
                self._answer(500, {"message": "Internal Server Error"})
            else:
                self._answer(*answer)

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        try:
            self.send_response(HTTPStatus(status))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            self.wfile.flush()
        except OSError:
            self.close_connection = True  # nobody waits any more


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Say nothing: a caller that hangs up is part of the tests."""


@contextmanager
def listening(api: TollkeeperApi, tls: SSLContext | None = None) -> Iterator[TollkeeperApi]:
    """Have the API listen: on a free port, or on the one it had."""
    server = _Server(("127.0.0.1", api.port), type("Handler", (_Handler,), {"api": api}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    api.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
