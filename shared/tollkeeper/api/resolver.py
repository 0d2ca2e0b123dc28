"""The HTTP API through a framework: requests validated, routes called, errors told in one way."""

import json
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Annotated, Any, cast
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Depends, Response, content_types
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Path as InPath
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.request import Request
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BeforeValidator

from tollkeeper.api import errors
from tollkeeper.api.authorization import ForbiddenError, UnauthenticatedError
from tollkeeper.api.replies import Fault, Reply, not_found, validation_failed
from tollkeeper.api.requests import TooLargeError, read_body
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.telemetry import logger
from tollkeeper.usage.judgement import path
from tollkeeper.usage.records import UserId

CALLER = "caller"
"""Where a request that was let in bears whom it is of; no client reaches it."""


def caller(request: Request) -> str:
    """Return the user whose token a request carries, which has been let in."""
    return str(request.resolved_event.raw_event[CALLER])


type Admit = Callable[[Mapping[str, Any]], str | None]
"""Who is let in: the user whose token a request carries, None for a back end's or where none is asked for."""

Caller = Annotated[str, Depends(caller)]
"""The user whose token a request carries, by their id."""


UserInPath = Annotated[UserId, BeforeValidator(unquote), InPath(alias="userId")]
"""The user whom a path names. API Gateway decodes a path, but leaves `%25` in it as it is."""

UserInQuery = Annotated[UserId, Query(alias="userId")]
"""The user whom a query names."""


def resolver() -> APIGatewayHttpResolver:
    """Return an application that validates requests and answers, and tells errors in one way."""
    app = APIGatewayHttpResolver(enable_validation=True)
    app.exception_handler([*errors.REPLIES])(lambda error: _response(errors.reply_to(error)))
    app.exception_handler(RequestValidationError)(lambda error: _response(_malformed(error)))
    app.not_found(lambda _: _response(not_found()))
    return app


def of_any_user[F: Callable[..., Any]](
    app: APIGatewayHttpResolver, path: str, summary: str
) -> Callable[[F], F]:
    """Answer at a second address, for services, what a route answers its caller: of the user in its path.

    The framework takes from a route's annotations where each argument comes from. So the second route is the
    same function with another annotation of `user`, which must be its caller.
    """

    def add(route: F) -> F:
        own = cast("FunctionType", route)
        of_user = FunctionType(own.__code__, own.__globals__, f"{own.__name__}_of", own.__defaults__)
        of_user.__annotations__ = {**own.__annotations__, "user": UserInPath}
        of_user.__doc__ = own.__doc__
        app.get(path, summary=summary)(of_user)
        return route

    return add


def handler_of(
    app: APIGatewayHttpResolver, admit: Admit
) -> Callable[[dict[str, Any], LambdaContext], dict[str, Any]]:
    """Return what Lambda calls with an HTTP API request, for an application whose requests have bodies.

    `admit` returns the user who calls, if it is one, or raises what of the API's errors says that nobody is
    let in.
    """

    @logger.inject_lambda_context
    def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        return respond(app, event, context, admit)

    return handler


def respond(
    app: APIGatewayHttpResolver,
    event: dict[str, Any],
    context: LambdaContext,
    admit: Admit,
) -> dict[str, Any]:
    """Answer an HTTP API request, unless it lets nobody in, or its body is too large or no JSON object.

    `admit` returns the user who calls, if it is one, or raises what of the API's errors says so. A body is
    read as JSON, whatever its sender calls it.
    """
    try:
        user = admit(event)
        body = _object(read_body(event))
    except (UnauthenticatedError, ForbiddenError, TooLargeError, InvalidFieldError) as error:
        return dict(errors.reply_to(error))
    headers = {**(event.get("headers") or {}), "content-type": content_types.APPLICATION_JSON}
    request = {**event, "headers": headers, "body": body, "isBase64Encoded": False, CALLER: user}
    return app.resolve(request, context)


def _object(body: str) -> str:
    """Return a body, if it is empty or a JSON object.

    Raises:
        InvalidFieldError: it is not; it may also be nested too deep, or hold a number too long, to be read.
    """
    try:
        if not body or isinstance(json.loads(body), dict):
            return body
    except (ValueError, RecursionError):
        pass
    raise InvalidFieldError("body", "must be a JSON object")


def _malformed(error: RequestValidationError) -> Reply:
    return validation_failed(
        *(Fault(path(tuple(each["loc"])[1:]), str(each["msg"])) for each in error.errors())
    )


def _response(reply: Reply) -> Response[str]:
    return Response(status_code=reply["statusCode"], body=reply["body"], headers=reply["headers"])
