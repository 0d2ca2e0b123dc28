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


def call(
    handler: Handler, method: str, path: str, body: object = None, *, user: str | None = "ada"
) -> Answer:
    """Send a request with a user's token, or without one; a body of text is sent as it is.

    API Gateway decodes the path except for `%25`, and joins a parameter that is repeated with commas.
    """
    encoded, _, query = path.partition("?")
    path = "%25".join(map(unquote, encoded.split("%25")))
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
        "routeKey": f"{method} {path}",
        "stage": "$default",
        "time": "15/Nov/2025:12:00:00 +0000",
        "timeEpoch": 1_763_208_000_000,
    }
    if user is not None:
        context["authorizer"] = {"jwt": {"claims": {"sub": user}, "scopes": None}}
    event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "queryStringParameters": parameters,
        "headers": {"content-type": "application/json"},
        "requestContext": context,
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }
    answer = handler(event, FakeContext())
    return Answer(answer["statusCode"], json.loads(answer["body"]), answer["headers"])
