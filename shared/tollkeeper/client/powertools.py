"""Lambda with the event handler of Powertools: a middleware of its resolvers. Needs aws-lambda-powertools."""

import json
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import ApiGatewayResolver
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware

from tollkeeper.client.aws_lambda import LambdaEvent, flush_before_return, request_of
from tollkeeper.client.permission import NotAllowedError
from tollkeeper.client.requests import AskedData, AskedText, Meter, Seen
from tollkeeper.client.tollkeeper import Tollkeeper

PowertoolsMiddleware = Callable[[ApiGatewayResolver, NextMiddleware], Response[Any]]


def powertools_middleware(
    tollkeeper: Tollkeeper,
    *,
    user: AskedText[LambdaEvent],
    facility: AskedText[LambdaEvent] | None = None,
    data: AskedData[LambdaEvent] | None = None,
    watch: Callable[[Seen], None] | None = None,
) -> PowertoolsMiddleware:
    """Return a middleware for `app.use(middlewares=[…])`. The callables are asked with the raw event."""
    meter = Meter(tollkeeper, user, facility, data, watch)

    def count(app: ApiGatewayResolver, next_middleware: NextMiddleware) -> Response[Any]:
        try:
            return _count(meter, app, next_middleware)
        finally:
            flush_before_return(tollkeeper, app.lambda_context)

    return count


def _count(
    meter: Meter[LambdaEvent], app: ApiGatewayResolver, next_middleware: NextMiddleware
) -> Response[Any]:
    event = app.current_event.raw_event
    request = request_of(event)
    if request is None:
        return next_middleware(app)
    passage = meter.begin(*request, event)
    if passage.refusal is not None:
        meter.end(passage, None, event)
        return _answer(*passage.refusal)
    try:
        response = next_middleware(app)
    except NotAllowedError as error:
        return _answer(*meter.refused(passage, error))
    except BaseException:
        meter.end(passage, None, event)
        raise
    meter.end(passage, response.status_code, event)
    return response


def _answer(status: int, body: object) -> Response[Any]:
    return Response(int(status), "application/json", json.dumps(body))
