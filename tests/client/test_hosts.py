"""Hosts wired by the middleware alone: requests become numbers, and a refused one is answered 402."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import flask
import httpx
import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from django.http import HttpRequest, HttpResponse
from django.urls import path as django_path
from fastapi import FastAPI, HTTPException
from werkzeug.test import Client

from tests.client.conftest import MakeTollkeeper
from tests.fakes.django_host import application as django_host_of
from tests.fakes.tollkeeper_api import TollkeeperApi
from tollkeeper.client import (
    AsgiMiddleware,
    NotAllowedError,
    RequestOutcome,
    Seen,
    Tollkeeper,
    WsgiMiddleware,
    lambda_middleware,
)
from tollkeeper.client.powertools import powertools_middleware

type Ask = Callable[[str, str], tuple[int, dict[str, Any]]]
"""Asks a host for a method and path as Ada, and returns its status and JSON."""

FAILING = "/api/designs/broken"
"""A path that every host answers 500, and /api/rooms raises."""


def fastapi_host(tollkeeper: Tollkeeper, seen: list[Seen]) -> Ask:
    """FastAPI; its callables are asynchronous."""
    app = FastAPI()

    async def user(scope: Any) -> str | None:  # noqa: ANN401 - a scope
        return dict(scope["headers"]).get(b"x-user", b"").decode() or None

    app.add_middleware(AsgiMiddleware, tollkeeper=tollkeeper, user=user, watch=seen.append)

    @app.api_route("/api/{rest:path}", methods=["GET", "POST"])
    def answer(rest: str) -> dict[str, str]:
        if rest == "rooms":
            raise RuntimeError("the host fails")
        if rest.endswith("broken"):
            raise HTTPException(500)
        if rest == "fixtures":
            with tollkeeper.consuming("ada", "designsCreated"):
                pass
        return {"did": rest}

    async def ask(method: str, path: str) -> tuple[int, dict[str, Any]]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
            response = await client.request(method, path, headers={"x-user": "ada"})
        return response.status_code, response.json() if response.content[:1] == b"{" else {}

    return lambda method, path: asyncio.run(ask(method, path))


def _wsgi_asker(app: Any) -> Ask:  # noqa: ANN401 - an application
    client = Client(app)

    def ask(method: str, path: str) -> tuple[int, dict[str, Any]]:
        try:
            with client.open(path, method=method, headers={"x-user": "ada"}) as response:
                text = response.get_data()
        except RuntimeError:
            return 500, {}
        return response.status_code, json.loads(text) if text[:1] == b"{" else {}

    return ask


def flask_host(tollkeeper: Tollkeeper, seen: list[Seen]) -> Ask:
    """Flask; its errors are raised as they are."""
    app = flask.Flask(__name__)
    app.config["PROPAGATE_EXCEPTIONS"] = True

    @app.route("/api/<path:rest>", methods=["GET", "POST"])
    def answer(rest: str) -> dict[str, str]:
        if rest == "rooms":
            raise RuntimeError("the host fails")
        if rest.endswith("broken"):
            flask.abort(500)
        if rest == "fixtures":
            with tollkeeper.consuming("ada", "designsCreated"):
                pass
        return {"did": rest}

    return _wsgi_asker(
        WsgiMiddleware(app.wsgi_app, tollkeeper, user=lambda each: each.get("HTTP_X_USER"), watch=seen.append)
    )


def django_host(tollkeeper: Tollkeeper, seen: list[Seen]) -> Ask:
    """Django; its errors are raised as they are."""

    def answer(_: HttpRequest, rest: str) -> HttpResponse:
        if rest == "rooms":
            raise RuntimeError("the host fails")
        if rest == "fixtures":
            with tollkeeper.consuming("ada", "designsCreated"):
                pass
        return HttpResponse(json.dumps({"did": rest}), status=500 if rest.endswith("broken") else 200)

    app = django_host_of(django_path("api/<path:rest>", answer))
    return _wsgi_asker(
        WsgiMiddleware(app, tollkeeper, user=lambda each: each.get("HTTP_X_USER"), watch=seen.append)
    )


def lambda_host(tollkeeper: Tollkeeper, seen: list[Seen]) -> Ask:
    """A Lambda function behind an HTTP API."""

    @lambda_middleware(tollkeeper, user=lambda event: event["headers"].get("x-user"), watch=seen.append)
    def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
        path = event["rawPath"]
        if path == "/api/rooms":
            raise RuntimeError("the host fails")
        if path == "/api/fixtures":
            with tollkeeper.consuming("ada", "designsCreated"):
                pass
        status = 500 if path.endswith("broken") else 200
        return {"statusCode": status, "body": json.dumps({"did": path.removeprefix("/api/")})}

    return lambda method, path: _lambda_answer(handler, method, path)


def powertools_host(tollkeeper: Tollkeeper, seen: list[Seen]) -> Ask:
    """The same with the event handler of Powertools."""
    app = APIGatewayHttpResolver()
    app.use(
        middlewares=[
            powertools_middleware(
                tollkeeper, user=lambda event: event["headers"].get("x-user"), watch=seen.append
            )
        ]
    )

    @app.route("/api/<rest>", method=["GET", "POST"])
    @app.route("/api/designs/<rest>", method=["GET", "POST"])
    def answer(rest: str) -> Any:  # noqa: ANN401 - what Powertools takes
        if rest == "rooms":
            raise RuntimeError("the host fails")
        if rest == "fixtures":
            with tollkeeper.consuming("ada", "designsCreated"):
                pass
        return {"did": rest}, 500 if rest == "broken" else 200

    return lambda method, path: _lambda_answer(app.resolve, method, path)


class LambdaContext:
    """What a Lambda function knows of its call."""

    aws_request_id = function_name = memory_limit_in_mb = invoked_function_arn = "1"

    def get_remaining_time_in_millis(self) -> int:
        """Return milliseconds."""
        return 5_000


def _lambda_answer(handler: Any, method: str, path: str) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - the same
    http = {"method": method, "path": path}
    event = {
        "version": "2.0",
        "rawPath": path,
        "headers": {"x-user": "ada"},
        "requestContext": {"http": http, "stage": "$default"},
    }
    try:
        answer = handler(event, LambdaContext())
    except RuntimeError:
        return 500, {}
    return answer["statusCode"], json.loads(answer["body"])


HOSTS = [fastapi_host, flask_host, django_host, lambda_host, powertools_host]


@pytest.fixture
def seen() -> list[Seen]:
    """What whoever watches was told."""
    return []


@pytest.fixture(params=HOSTS, ids=lambda each: each.__name__)
def ask(request: pytest.FixtureRequest, tollkeeper: Tollkeeper, seen: list[Seen]) -> Iterator[Ask]:
    """A host of each kind."""
    return request.param(tollkeeper, seen)  # type: ignore[no-any-return]


def test_requests_become_numbers(
    api: TollkeeperApi, tollkeeper: Tollkeeper, ask: Ask, seen: list[Seen]
) -> None:
    """What succeeds counts as what the route map says; what fails and what only reads counts as nothing."""
    assert [200] * 4 == [ask("POST", "/api/projects")[0] for _ in range(4)]
    assert [500, 500] == [ask("POST", path)[0] for path in (FAILING, "/api/rooms")]
    assert (200, {"did": "designs"}) == ask("POST", "/api/designs")
    assert 200 == ask("GET", "/api/projects")[0]
    assert tollkeeper.flush()
    metrics = ("apiCalls", "designsCreated", "roomsCreated")
    assert [4, 1, 0] == [api.counted("ada", metric) for metric in metrics]
    told = {(each.path, each.metric, each.outcome) for each in seen}
    assert {
        ("/api/projects", "apiCalls", RequestOutcome.METERED),
        (FAILING, "apiCalls", RequestOutcome.FAILED),
        ("/api/rooms", "roomsCreated", RequestOutcome.FAILED),
        ("/api/designs", "designsCreated", RequestOutcome.METERED),
        ("/api/projects", None, RequestOutcome.UNMAPPED),
    } == told


def test_a_limit_is_kept(api: TollkeeperApi, tollkeeper: Tollkeeper, ask: Ask, seen: list[Seen]) -> None:
    """The fourth design of three is answered 402, also where the host itself consumes."""
    assert [200, 200, 200, 402] == [ask("POST", "/api/designs")[0] for _ in range(4)]
    status, body = ask("POST", "/api/designs")
    assert (402, "Usage limit exceeded", "/pricing") == (status, body["error"], body["upgradeUrl"])
    assert RequestOutcome.REFUSED == seen[-1].outcome
    assert (402, 3) == (ask("POST", "/api/fixtures")[0], api.counted("ada", "designsCreated"))
    tollkeeper.flush()
    assert 0 == api.counted("ada", "fixturesAdded")


def test_requests_go_on_while_tollkeeper_fails(api: TollkeeperApi, tollkeeper: Tollkeeper, ask: Ask) -> None:
    """Nobody is refused, and everything is counted afterwards."""
    api.fault = lambda _: "before"
    assert [200] * 6 == [ask("POST", "/api/designs")[0] for _ in range(6)]
    api.fault = lambda _: ""
    assert tollkeeper.flush()
    assert 6 == api.counted("ada", "designsCreated")


def test_what_is_closed_is_answered_503(api: TollkeeperApi, make: MakeTollkeeper, closed: Any) -> None:  # noqa: ANN401 - a catalogue
    """Where the catalogue says so, nothing is done that Tollkeeper has not allowed."""
    api.fault = lambda _: "before"
    tollkeeper = make(catalogue=closed)
    for host in HOSTS:
        seen: list[Seen] = []
        status, body = host(tollkeeper, seen)("POST", "/api/designs")
        assert (503, "unavailable", RequestOutcome.REFUSED) == (status, body["error"], seen[-1].outcome)
    api.fault = lambda _: ""
    tollkeeper.flush()
    assert 0 == api.counted("ada", "designsCreated")


def test_an_answer_that_breaks_off_has_failed(api: TollkeeperApi, tollkeeper: Tollkeeper) -> None:
    """A body that raises on its way out gives back what was consumed."""

    def app(_: object, start_response: Any) -> Iterator[bytes]:  # noqa: ANN401 - WSGI
        start_response("200 OK", [])
        yield b"half"
        raise RuntimeError("the host fails")

    ask = _wsgi_asker(WsgiMiddleware(app, tollkeeper, user=lambda _: "ada"))
    assert (500, {}) == ask("POST", "/api/designs")
    tollkeeper.flush()
    assert (0, 1) == (api.counted("ada", "designsCreated"), len(api.entries))


def test_a_host_that_cannot_say_who_is_left_alone(
    api: TollkeeperApi, tollkeeper: Tollkeeper, seen: list[Seen]
) -> None:
    """A callable that raises breaks no request, and is told."""

    def app(_: object, start_response: Any) -> list[bytes]:  # noqa: ANN401 - WSGI
        start_response("200 OK", [])
        return [b"done"]

    def nobody(_: object) -> str:
        raise KeyError("user")

    ask = _wsgi_asker(WsgiMiddleware(app, tollkeeper, user=nobody, watch=seen.append))
    assert [200, 200] == [ask("POST", path)[0] for path in ("/api/designs", "/api/projects")]
    assert [RequestOutcome.NOBODY] * 2 == [each.outcome for each in seen]
    assert tollkeeper.flush()
    assert {} == api.entries


def test_facility_and_data_are_kept(api: TollkeeperApi, tollkeeper: Tollkeeper) -> None:
    """The tokens of a model's answer, say, stand in the record of a request that is counted after."""

    async def app(scope: Any, _: object, send: Any) -> None:  # noqa: ANN401 - ASGI
        scope["tokens"] = 812
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    middleware = AsgiMiddleware(
        app,
        tollkeeper,
        user=lambda _: "ada",
        facility=lambda _: "greenhouse-2",
        data=lambda scope: {"tokens": scope["tokens"]} if "tokens" in scope else None,
    )

    async def send(_: object) -> None:
        pass

    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "POST", "root_path": "/v2", "path": "/v2/api/x", "headers": []}
    asyncio.run(middleware(scope, receive, send))
    assert tollkeeper.flush()
    (record,) = api.bodies[0]["records"]
    assert ("greenhouse-2", {"tokens": 812}) == (record["facilityId"], record["eventData"])


def test_a_request_that_is_counted_before_keeps_what_is_known_before(
    api: TollkeeperApi, tollkeeper: Tollkeeper
) -> None:
    """Its record is written then, and never changes; what it took is counted beside it."""

    async def app(scope: Any, _: object, send: Any) -> None:  # noqa: ANN401 - ASGI
        scope["known"] |= {"tokens": 812}
        tollkeeper.track("ada", "apiCalls", 812)  # in a host's catalogue: aiTokens
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    middleware = AsgiMiddleware(app, tollkeeper, user=lambda _: "ada", data=lambda scope: scope["known"])

    async def send(_: object) -> None:
        pass

    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    known = {"model": "large"}
    scope = {"type": "http", "method": "POST", "root_path": "", "path": "/api/ai-designer", "headers": []}
    asyncio.run(middleware({**scope, "known": known}, receive, send))
    assert tollkeeper.flush()
    assert ([{"model": "large"}], 1, 812) == (
        [each["eventData"] for each in api.consumed],
        api.counted("ada", "aiQueries"),
        api.counted("ada", "apiCalls"),
    )


def test_a_browsers_question_is_not_counted(api: TollkeeperApi, tollkeeper: Tollkeeper, ask: Ask) -> None:
    """OPTIONS asks what may be sent, also where a route has every method."""
    ask("OPTIONS", "/api/exports")
    assert tollkeeper.flush()
    assert 0 == api.counted("ada", "exports")


def test_functions_are_metered(api: TollkeeperApi, tollkeeper: Tollkeeper) -> None:
    """A call counts for who makes it: before or after as the catalogue says, and not if it raises."""

    @tollkeeper.metered("designsCreated")
    def create(user: str, *, broken: bool = False) -> str:
        if broken:
            raise RuntimeError("the host fails")
        return f"{user}'s"

    @tollkeeper.metered("apiCalls", user=lambda said: said["request"]["user"])
    async def call(request: dict[str, str]) -> str:
        return request["user"]

    assert ("ada's", "ada") == (create("ada"), asyncio.run(call({"user": "ada"})))
    with pytest.raises(RuntimeError):
        create("ada", broken=True)
    tollkeeper.flush()
    assert (1, 1) == (api.counted("ada", "designsCreated"), api.counted("ada", "apiCalls"))
    create("ada")
    create("ada")
    with pytest.raises(NotAllowedError):
        create("ada")
