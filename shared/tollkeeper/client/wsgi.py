"""Middleware for WSGI: Flask, Django and others."""

import json
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from http import HTTPStatus
from typing import Any

from tollkeeper.client.permission import NotAllowedError
from tollkeeper.client.requests import AskedData, AskedText, Meter, Passage, Seen
from tollkeeper.client.tollkeeper import Tollkeeper

WsgiEnvironment = MutableMapping[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
WsgiApp = Callable[[Any, Any], Iterable[bytes]]


class WsgiMiddleware:
    """Counts every request of a WSGI application; its callables are asked with the request's environment.

    `app.wsgi_app = WsgiMiddleware(app.wsgi_app, tollkeeper, user=…)`, or around any application.
    """

    def __init__(
        self,
        app: WsgiApp,
        tollkeeper: Tollkeeper,
        *,
        user: AskedText[WsgiEnvironment],
        facility: AskedText[WsgiEnvironment] | None = None,
        data: AskedData[WsgiEnvironment] | None = None,
        watch: Callable[[Seen], None] | None = None,
    ) -> None:
        self._app = app
        self._meter = Meter(tollkeeper, user, facility, data, watch)

    def __call__(self, environment: WsgiEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, or refuse it."""
        path = _path(environment)
        passage = self._meter.begin(environment["REQUEST_METHOD"], path, environment)
        answering = _Answering(self._meter, passage, environment)
        if passage.refusal is not None:
            answering.close()
            return _answer(start_response, *passage.refusal)

        def note(status: str, *more: object) -> Callable[[bytes], object]:
            answering.status = int(status[:3])
            return start_response(status, *more)

        try:
            body = self._app(environment, note)
        except NotAllowedError as error:
            return _answer(start_response, *self._meter.refused(passage, error))
        except BaseException:
            answering.fail()
            raise
        wrapper = environment.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(body, wrapper):
            answering.close()  # the server sends the file by itself
            return body
        answering.body = body
        return answering


class _Answering:
    """A body on its way out; when the server closes it, the request is over."""

    def __init__(self, meter: Meter[WsgiEnvironment], passage: Passage, environment: WsgiEnvironment) -> None:
        self._meter = meter
        self._passage = passage
        self._environment = environment
        self._is_over = False
        self.status: int | None = None
        self.body: Iterable[bytes] = ()

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self.body
        except Exception:
            self.fail()
            raise

    def close(self) -> None:
        """End the request, and close what the application has given."""
        try:
            close = getattr(self.body, "close", None)
            if close is not None:
                close()
        finally:
            self._end(self.status)

    def fail(self) -> None:
        """End a request that has failed."""
        self._end(None)

    def _end(self, status: int | None) -> None:
        if not self._is_over:
            self._is_over = True
            self._meter.end(self._passage, status, self._environment)


def _path(environment: WsgiEnvironment) -> str:
    """The path as the application has it; WSGI hands over the bytes of UTF-8 as if they were Latin 1."""
    return str(environment.get("PATH_INFO", "")).encode("latin-1", "replace").decode("utf-8", "replace")


def _answer(start_response: StartResponse, status: HTTPStatus, body: object) -> list[bytes]:
    text = json.dumps(body).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(text)))]
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", "1"))
    start_response(f"{status.value} {status.phrase}", headers)
    return [text]
