"""Tollkeeper's API as a host calls it: kept connections, a deadline, and what certainly became of a call."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import urlsplit

from tollkeeper.client.exchange import USER_AGENT, BrokenExchangeError, exchange
from tollkeeper.client.forks import forget_in_children
from tollkeeper.client.tokens import TokenError, Tokens

MOST_IDLE = 32
"""Connections that are kept for later."""

LONGEST_IDLE = 50.0
"""Seconds after which a kept connection is closed: what lies between may have forgotten it without a word."""


class NotAnsweredError(Exception):
    """There was no answer. `is_undone` says that the call certainly had no effect."""

    def __init__(self, why: str, *, is_undone: bool) -> None:
        super().__init__(why)
        self.is_undone = is_undone


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What the API answered; `retry_after` in seconds, if it said so.

    `is_repeated` says that it was called before, on a connection that broke: nobody knows what came of that.
    """

    status: int
    body: bytes
    retry_after: float | None = None
    is_repeated: bool = False

    @property
    def is_undone(self) -> bool:
        """Whether the call certainly had no effect: it was refused, or turned away before it was read."""
        is_refused = HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return is_refused and not self.is_repeated

    def json(self) -> Mapping[str, object]:
        """Return the body; nothing where it is no object."""
        try:
            body = json.loads(self.body)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}


class Api:
    """Calls Tollkeeper at its address. Every call may be repeated: it bears an id, or changes nothing."""

    def __init__(self, url: str, tokens: Tokens) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError(f"{url} is no address of an API")
        # One for all connections: making it reads every certificate that the machine trusts.
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")
        self._tokens = tokens
        self.forget()
        forget_in_children(self)

    def forget(self) -> None:
        """Open connections of one's own."""
        self._idle: list[tuple[http.client.HTTPConnection, float]] = []
        self._lock = threading.Lock()

    def call(self, method: str, target: str, body: bytes | None, timeout: float) -> ApiAnswer:
        """Call within so many seconds, once more with a new token if the first is refused.

        Raises:
            NotAnsweredError: there was no answer.
        """
        deadline = time.monotonic() + timeout
        target = self._prefix + target
        token, answer = self._with_token(method, target, body, deadline)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._tokens.forget_token(token)
            _, answer = self._with_token(method, target, body, deadline, is_repeated=answer.is_repeated)
        return answer

    def _with_token(
        self, method: str, target: str, body: bytes | None, deadline: float, *, is_repeated: bool = False
    ) -> tuple[str, ApiAnswer]:
        try:
            token = self._tokens.current(_left(deadline))
        except TokenError as error:
            raise NotAnsweredError(str(error), is_undone=not is_repeated) from error
        request = self._request(method, target, body or b"", token)
        kept = self._kept()
        if kept is not None:
            try:
                answer = self._exchange(kept, request, deadline)
            except ConnectionError:
                kept.close()  # the other side has closed it meanwhile; a call may be repeated
                is_repeated = True
            else:
                return token, replace(answer, is_repeated=True) if is_repeated else answer
        try:
            answer = self._exchange(self._opened(deadline), request, deadline)
        except ConnectionError as error:
            raise NotAnsweredError(f"no answer: {error}", is_undone=False) from error
        except NotAnsweredError as error:
            raise NotAnsweredError(str(error), is_undone=error.is_undone and not is_repeated) from error
        return token, replace(answer, is_repeated=True) if is_repeated else answer

    def _request(self, method: str, target: str, body: bytes, token: str) -> bytes:
        """Return a request as it is sent: in one piece, which http.client would send in two."""
        host = self._host if self._port is None else f"{self._host}:{self._port}"
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
            f"User-Agent: {USER_AGENT}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body

    def _kept(self) -> http.client.HTTPConnection | None:
        """Return the connection that was used last, and close those that have been idle for too long."""
        with self._lock:
            oldest = time.monotonic() - LONGEST_IDLE
            stale = [connection for connection, used_at in self._idle if used_at <= oldest]
            self._idle = [each for each in self._idle if each[1] > oldest]
            kept = self._idle.pop()[0] if self._idle else None
        for connection in stale:
            connection.close()
        return kept

    def _opened(self, deadline: float) -> http.client.HTTPConnection:
        left = _left(deadline)
        connection = (
            http.client.HTTPConnection(self._host, self._port, timeout=left)
            if self._tls is None
            else http.client.HTTPSConnection(self._host, self._port, timeout=left, context=self._tls)
        )
        try:
            connection.connect()
        except OSError as error:
            raise NotAnsweredError(f"no connection: {error}", is_undone=True) from error
        return connection

    def _exchange(self, connection: http.client.HTTPConnection, request: bytes, deadline: float) -> ApiAnswer:
        is_kept = False
        try:
            connection.sock.settimeout(_left(deadline))
            answer = exchange(connection.sock, request)
            is_kept = not answer.is_last
            return ApiAnswer(answer.status, answer.body, _seconds(answer.headers.get(b"retry-after")))
        except ConnectionError:
            raise
        except ssl.SSLError as error:  # how TLS says that the other side has closed
            raise BrokenExchangeError(str(error)) from error
        except OSError as error:
            raise NotAnsweredError(f"no answer: {error}", is_undone=False) from error
        finally:
            with self._lock:
                is_kept = is_kept and len(self._idle) < MOST_IDLE
                if is_kept:
                    self._idle.append((connection, time.monotonic()))
            if not is_kept:
                connection.close()


def _left(deadline: float) -> float:
    return max(0.001, deadline - time.monotonic())


def _seconds(header: bytes | None) -> float | None:
    return float(header) if header is not None and header.isdigit() else None
