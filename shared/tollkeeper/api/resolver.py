"""The manners of the HTTP API: who is calling, and how errors are told."""

import json
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Depends, Response, content_types
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.request import Request
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper.ledger.patience import ContendedError
from tollkeeper.ledger.table import TransactionCancelledError, UnavailableError
from tollkeeper.rules.usage import MAX_BODY_BYTES
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.telemetry import logger
from tollkeeper.usage.judgement import path

BUSY: list[type[Exception]] = [
    ContendedError,
    StripeUnavailableError,
    TransactionCancelledError,
    UnavailableError,
]
"""What passes, and is answered with 503: others were at the same rows, or somebody did not answer."""

type JsonResponse = Response[str]

RETRY_AFTER_SECONDS = 2


class ApiError(Exception):
    """An answer other than success: status, code for programs, sentence for people, and what else helps."""

    def __init__(self, status: HTTPStatus, error: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": error, "message": message, **more}


def invalid(field: str, message: str) -> ApiError:
    """Return the error for one field of the request that cannot be used."""
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "validation_failed",
        f"{field}: {message}",
        fields=[{"path": field, "message": message}],
    )


def caller(request: Request) -> str:
    """Return the user whose token the request carries; API Gateway has verified it."""
    authorizer = request.resolved_event.raw_event["requestContext"].get("authorizer", {})
    subject = authorizer.get("jwt", {}).get("claims", {}).get("sub")
    if not subject:
        message = "Send a token that names its user as Authorization: Bearer …"
        raise ApiError(HTTPStatus.UNAUTHORIZED, "unauthorized", message)
    return str(subject)


Caller = Annotated[str, Depends(caller)]
"""The user whose token a request carries, by their id."""


def resolver() -> APIGatewayHttpResolver:
    """Return an application that validates requests and answers, and tells errors in one way."""
    app = APIGatewayHttpResolver(enable_validation=True)
    app.exception_handler(ApiError)(lambda error: _reply(error.status, error.body))
    app.exception_handler(RequestValidationError)(_malformed)
    app.exception_handler(BUSY)(_unavailable)
    app.not_found(
        lambda _: _reply(HTTPStatus.NOT_FOUND, {"error": "not_found", "message": "Nothing is here."})
    )
    return app


def respond(app: APIGatewayHttpResolver, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request, unless its body is too large or no JSON object.

    A body is read as JSON, whatever its sender calls it.
    """
    body = event.get("body") or ""
    if len(body.encode()) > MAX_BODY_BYTES:
        message = f"Send at most {MAX_BODY_BYTES} bytes."
        return plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", message)
    if body and not _is_object(event):
        fields = [{"path": "body", "message": "must be a JSON object"}]
        message = "body: must be a JSON object"
        return plain(HTTPStatus.UNPROCESSABLE_ENTITY, "validation_failed", message, fields=fields)
    headers = {**(event.get("headers") or {}), "content-type": content_types.APPLICATION_JSON}
    return app.resolve({**event, "headers": headers}, context)


def _is_object(event: dict[str, Any]) -> bool:
    """Whether the body is one; it may also be nested too deep, or hold a number too long, to be read."""
    try:
        body = APIGatewayProxyEventV2(event).decoded_body
        return isinstance(json.loads(body or ""), dict)
    except (ValueError, RecursionError):
        return False


def plain(status: HTTPStatus, error: str, message: str, **more: object) -> dict[str, Any]:
    """Return an error as Lambda hands it to API Gateway, for what does not go through a resolver."""
    return {
        "statusCode": status,
        "headers": {"content-type": content_types.APPLICATION_JSON},
        "body": json.dumps({"error": error, "message": message, **more}),
    }


def _malformed(error: RequestValidationError) -> JsonResponse:
    fields = [{"path": path(tuple(each["loc"])[1:]), "message": str(each["msg"])} for each in error.errors()]
    message = "; ".join(f"{field['path']}: {field['message']}" for field in fields)
    return _reply(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        {"error": "validation_failed", "message": message, "fields": fields},
    )


def _unavailable(error: Exception) -> JsonResponse:
    logger.warning("Answered 503", exc_info=error)
    return _reply(
        HTTPStatus.SERVICE_UNAVAILABLE,
        {"error": "unavailable", "message": "Please try again in a moment."},
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


def _reply(status: HTTPStatus, body: dict[str, Any], headers: dict[str, str] | None = None) -> JsonResponse:
    return Response(
        status_code=status.value,
        content_type=content_types.APPLICATION_JSON,
        body=json.dumps(body),
        headers=headers,
    )
