"""The door of the API: who asks, what for, whether it was asked before; then the answer as JSON."""

import asyncio
import base64
import binascii
import json
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from infra.stripe_standin.account.shapes import new_id
from infra.stripe_standin.account.state import API_VERSION, Account
from infra.stripe_standin.clocks.sandbox_clock import iso
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.server import documented_limits, expansion, faults
from infra.stripe_standin.server.faults import AnswerLostError, Fault, Faults
from infra.stripe_standin.server.forms import Raw, decode
from infra.stripe_standin.server.idempotency import Answer, IdempotencyKeys, Remembered
from infra.stripe_standin.server.limiters import Limiters
from infra.stripe_standin.server.locks import Locks
from infra.stripe_standin.server.params import Params, read
from infra.stripe_standin.server.routes import Route, Routes

MOST_REQUESTS = 200_000


@dataclass(slots=True)
class Call:
    """One request, as `GET /_sandbox/requests` lists it; `ignored` are parameters without effect here."""

    id: str
    at: str
    method: str
    path: str
    params: dict[str, Raw]
    idempotency_key: str | None
    ignored: list[str] = field(default_factory=list)
    replayed: bool = False
    original_request: str | None = None
    status: int = 0
    error: str | None = None


@dataclass
class Api:
    """Answers `/v1` and `/v2`.

    Attributes:
        account: The state.
        routes: Every call there is.
        faults: Calls that fail on purpose.
        limiters: How many calls pass.
        calls: Every request, oldest first.
    """

    account: Account
    routes: list[Route]
    faults: Faults = field(default_factory=Faults)
    limiters: Limiters = field(default_factory=Limiters)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=MOST_REQUESTS))
    _keys: IdempotencyKeys = field(default_factory=IdempotencyKeys)
    _locks: Locks = field(default_factory=Locks)

    async def handle(self, request: Request) -> Response:
        """Answer one HTTP request."""
        call = Call(
            id=new_id("req"),
            at=iso(self.account.clock.now()),
            method=request.method,
            path=request.url.path,
            params={},
            idempotency_key=request.headers.get("idempotency-key"),
        )
        self.calls.append(call)
        body = await request.body()
        headers = {"Request-Id": call.id, "Stripe-Version": API_VERSION}
        try:
            status, answer = await self._answer(call, request, body)
        except AnswerLostError:
            call.error = "the answer was lost"
            return LostResponse()
        except RefusedError as refusal:
            status, answer = refusal.status, refusal.body()
            if refusal.limited_by:
                headers["Stripe-Rate-Limited-Reason"] = refusal.limited_by
        if call.original_request:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": call.original_request}
        if call.idempotency_key:
            headers["Idempotency-Key"] = call.idempotency_key
        call.status = status
        call.error = answer["error"]["message"] if "error" in answer else None
        return JSONResponse(answer, status, headers)

    async def _answer(self, call: Call, request: Request, body: bytes) -> Answer:
        """Authenticate, limit, validate, and only then look at the key.

        In the order of docs.stripe.com/error-low-level: limiters come before the idempotency layer, and so
        do most invalid parameters.
        """
        _authorize(request)
        route, ids = self._find(call.method, call.path)
        call.params = _raw_params(request, body)
        fault = self.faults.strike(call.method, call.path)
        with self.limiters.admitted(f"{route.method} {route.path}"):
            if fault and fault.effect == "before" and (fault.is_limit or fault.answer == "lost"):
                _fail(fault)
            params = read(route.params, call.params)
            documented_limits.check(self.account, route, params, [*ids.values()])
            if call.method == "POST" and call.idempotency_key is not None:
                outcome = await self._once(call, call.idempotency_key, route, ids, params, fault)
            else:
                outcome = await self._execute(call, route, ids, params, fault)
        if fault and fault.effect == "after" and fault.answer == "lost":
            raise AnswerLostError
        return outcome

    async def _once(
        self, call: Call, key: str, route: Route, ids: dict[str, str], params: Params, fault: Fault | None
    ) -> Answer:
        """Replay the first answer to the key, or execute and keep what comes of it."""
        question = (call.method, call.path, json.dumps(call.params, sort_keys=True))
        now = self.account.now()
        first = self._keys.claim(key, question, now)
        if first:
            call.replayed, call.original_request = True, first.request
            return first.answer
        try:
            outcome = await self._execute(call, route, ids, params, fault)
            if not _is_invalid(outcome):
                self._keys.keep(key, Remembered(question, now, call.id, outcome))
        finally:
            self._keys.release(key)
        return outcome

    async def _execute(
        self, call: Call, route: Route, ids: dict[str, str], params: Params, fault: Fault | None
    ) -> Answer:
        """Do it; a refusal from here on is an answer to remember, as Stripe remembers even a 500."""
        try:
            # `dict.get`, since to be looked at here is not to be read.
            with self._locks.held(call.method, [*ids.values(), dict.get(params, "invoice")]):
                if fault and fault.delay_seconds:
                    await asyncio.sleep(fault.delay_seconds)
                if fault and fault.effect == "before":
                    _fail(fault)
                answer = route.answer(self.account, params, **ids)
            call.ignored = sorted(params.ignored)
            if call.ignored and call.method == "GET":
                raise lacking(f"the parameter {call.ignored[0]} of this call")
            rendered = expansion.render(self.account, answer, params.get("expand", []))
            if fault and fault.effect == "after" and fault.answer != "lost":
                _fail(fault)
        except RefusedError as refusal:
            return refusal.status, refusal.body()
        return 200, rendered

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        for route in self.routes:
            matched = route.pattern.fullmatch(path)
            if matched and route.method == method:
                return route, matched.groupdict()
        raise RefusedError(
            f"Unrecognized request URL ({method}: {path}). The Stripe stand-in lacks this call.",
            status=404,
            code="standin_lacks",
        )


class LostResponse(Response):
    """Begins an answer and breaks the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise a body and send none, which makes the server hang up."""
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})


def gather(nouns: Iterable[Routes]) -> list[Route]:
    """All nouns' calls, those without ids in their path first, so that `/search` is not taken for an id."""
    return sorted((route for noun in nouns for route in noun.all), key=lambda route: "{" in route.path)


def _is_invalid(outcome: Answer) -> bool:
    """Whether a noun found a parameter missing or malformed, which is validation wherever it happens."""
    status, body = outcome
    return status == 400 and body["error"].get("code", "").startswith("parameter_")  # noqa: PLR2004


def _fail(fault: Fault) -> None:
    if refusal := faults.refusal(fault):
        raise refusal


def _authorize(request: Request) -> None:
    """A test key as bearer token, or as HTTP Basic's user name; any will do.

    See docs.stripe.com/api/authentication, whose examples say `curl -u sk_test_…:`.
    """
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    key = {"bearer": given, "basic": _user(given)}.get(scheme.lower(), "")
    if not re.fullmatch(r"(sk|rk)_test_\w+", key):
        raise RefusedError("Invalid API Key provided. The stand-in takes sk_test_… keys.", status=401)
    version = request.headers.get("stripe-version", API_VERSION)
    if version != API_VERSION:
        raise RefusedError(f"The stand-in speaks API version {API_VERSION} only, not {version}.")


def _user(credentials: str) -> str:
    """The user name of HTTP Basic; the password is empty."""
    try:
        return base64.b64decode(credentials, validate=True).decode().removesuffix(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _raw_params(request: Request, body: bytes) -> dict[str, Raw]:
    if request.method != "POST":
        return decode(parse_qsl(request.url.query, keep_blank_values=True))
    if not request.url.path.startswith("/v2/"):
        return decode(parse_qsl(body.decode(), keep_blank_values=True))
    try:
        parsed = json.loads(body or b"{}")
    except ValueError as broken:
        raise RefusedError("The request body is not JSON.") from broken
    if not isinstance(parsed, dict):
        raise RefusedError("The request body must be a JSON object.")
    return cast("dict[str, Raw]", parsed)
