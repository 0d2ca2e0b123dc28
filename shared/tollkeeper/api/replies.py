"""Replies as API Gateway and function URLs take them, and the bodies of errors, each made here alone.

Everything that answers HTTP uses this module, also where a cold start is felt: it imports no framework.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple, TypedDict

JSON = "application/json"

RETRY_AFTER_SECONDS = 2
"""When to come again after a 503: the contention behind most of them has passed by then."""


class Reply(TypedDict):
    """What Lambda hands back for an HTTP request."""

    statusCode: int
    headers: dict[str, str]
    body: str


class Fault(NamedTuple):
    """What is wrong with one part of a request: where, as `records.0.quantity`, and in a sentence why."""

    path: str
    message: str


def reply(
    status: HTTPStatus, body: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """Return a reply with a body of JSON, or with none."""
    own = {} if body is None else {"Content-Type": JSON}
    return {
        "statusCode": status.value,
        "headers": {**own, **(headers or {})},
        "body": "" if body is None else json.dumps(body),
    }


def failure(status: HTTPStatus, error: str, message: str, **more: object) -> Reply:
    """Return an error: its code for programs, a sentence for people, and what else helps."""
    return reply(status, {"error": error, "message": message, **more})


def validation_failed(*faults: Fault) -> Reply:
    """Return 422, naming every part of the request that cannot be used."""
    return failure(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "validation_failed",
        "; ".join(f"{fault.path}: {fault.message}" for fault in faults),
        fields=[fault._asdict() for fault in faults],
    )


def too_large(message: str) -> Reply:
    """Return 413: the request carries more than one may; the message says how much that is."""
    return failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", message)


def not_found() -> Reply:
    """Return 404: no such address."""
    return failure(HTTPStatus.NOT_FOUND, "not_found", "Nothing is here.")


def unavailable() -> Reply:
    """Return 503: nothing is wrong with the request, which may be sent again as it is, in a moment."""
    body = {"error": "unavailable", "message": "Please try again in a moment."}
    return reply(HTTPStatus.SERVICE_UNAVAILABLE, body, {"Retry-After": str(RETRY_AFTER_SECONDS)})
