"""API Gateway's side of a request: what it hands to a function, and what it makes of the answer."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from tests.fakes.runtime import FakeContext

type Handler = Callable[[dict[str, Any], FakeContext], Mapping[str, Any]]


class Answer(NamedTuple):
    """What the caller gets."""

    status: int
    body: Any
    headers: dict[str, str]


OF_SERVICES = ("POST /usage", "GET /users/", "GET /quota/", "POST /quota/", "GET /coverage", "POST /coverage")
"""How method and path begin where a back end's token is asked for."""

SERVICE_CLAIMS: Mapping[str, str] = {
    "sub": "back-end",
    "aud": "tollkeeper-service",
    "scope": "openid billing:service",
}


def user_claims(user: str) -> Mapping[str, str]:
    """Return what a user's token claims."""
    return {"sub": user, "aud": "tollkeeper"}


def call(
    handler: Handler,
    method: str,
    path: str,
    body: object = None,
    *,
    user: str | None = "ada",
    claims: Mapping[str, str] | None = None,
    route: str | None = None,
) -> Answer:
    """Send a request; a body of text is sent as it is.

    Its token is a back end's where one is asked for, else a user's; it has none without a user. `claims` are
    those of any other token, `route` is the template's, where it is not the path itself.
    """
    if claims is None and user is not None:
        claims = SERVICE_CLAIMS if f"{method} {path}".startswith(OF_SERVICES) else user_claims(user)
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    event = request(method, path, text, {"content-type": "application/json"}, claims, route)
    answer = handler(event, FakeContext())
    return Answer(answer["statusCode"], json.loads(answer["body"]), answer["headers"])


def decoded(path: str) -> str:
    """Return a path, or a parameter in it, as API Gateway hands it over: decoded except for `%25`."""
    return "%25".join(map(unquote, path.split("%25")))


def request(
    method: str,
    address: str,
    body: str | None,
    headers: Mapping[str, str],
    claims: Mapping[str, str] | None,
    route: str | None,
    *,
    in_path: Mapping[str, str] | None = None,
    in_base64: bool = False,
) -> dict[str, Any]:
    """Return what a function is handed of a request.

    API Gateway decodes the path except for `%25`, and joins a parameter that is repeated with commas.
    """
    encoded, _, query = address.partition("?")
    path = decoded(encoded)
    parameters = {name: ",".join(values) for name, values in parse_qs(query, keep_blank_values=True).items()}
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "api",
        "domainName": "api.test",
        "domainPrefix": "api",
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "test",
        },
        "requestId": "request-1",
        "routeKey": route or f"{method} {path}",
        "stage": "$default",
        "time": "15/Nov/2025:12:00:00 +0000",
        "timeEpoch": 1_763_208_000_000,
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    return {
        "version": "2.0",
        "routeKey": route or f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "queryStringParameters": parameters,
        **({"pathParameters": dict(in_path)} if in_path else {}),
        "headers": dict(headers),
        "requestContext": context,
        "body": body,
        "isBase64Encoded": in_base64,
    }
