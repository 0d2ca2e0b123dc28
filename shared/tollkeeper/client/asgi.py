"""Middleware for ASGI: FastAPI, Starlette and others."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tollkeeper.client.facts import logger
from tollkeeper.client.permission import NotAllowedError
from tollkeeper.client.requests import AskedData, AskedText, Meter, Seen
from tollkeeper.client.tollkeeper import Tollkeeper

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


class AsgiMiddleware:
    """Counts every HTTP request of an ASGI application; its callables are asked with the request's scope.

    `app.add_middleware(AsgiMiddleware, tollkeeper=…, user=…)`, or around any application.
    """

    def __init__(
        self,
        app: AsgiApp,
        tollkeeper: Tollkeeper,
        *,
        user: AskedText[Scope],
        facility: AskedText[Scope] | None = None,
        data: AskedData[Scope] | None = None,
        watch: Callable[[Seen], None] | None = None,
    ) -> None:
        self._app = app
        self._meter = Meter(tollkeeper, user, facility, data, watch)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._flushing(send))
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        meter = self._meter
        path = scope["path"].removeprefix(scope.get("root_path", ""))  # as the application has it
        passage = await meter.begin_async(scope["method"], path, scope)
        status: int | None = None
        if passage.refusal is not None:
            await _answer(send, *passage.refusal)
            await meter.end_async(passage, None, scope)
            return

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        except NotAllowedError as error:
            refusal = meter.refused(passage, error)
            if status is not None:
                raise
            await _answer(send, *refusal)
            return
        except BaseException:  # a cancelled task, too, has not succeeded
            meter.end(passage, None, scope)
            raise
        await meter.end_async(passage, status, scope)

    def _flushing(self, send: Send) -> Send:
        async def flush_first(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                try:
                    await self._meter.tollkeeper.flush_async()
                except Exception:
                    logger.exception("Not flushed at shutdown")
            await send(message)

        return flush_first


async def _answer(send: Send, status: int, body: object) -> None:
    text = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
    if status == 503:  # noqa: PLR2004 - Service Unavailable
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": text})
