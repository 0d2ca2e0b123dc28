"""Lambda: a decorator that counts the request of an event, and sends what waits before returning."""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from tollkeeper.client.facts import logger
from tollkeeper.client.permission import NotAllowedError
from tollkeeper.client.requests import AskedData, AskedText, Meter, Seen
from tollkeeper.client.tollkeeper import Tollkeeper

LambdaEvent = Mapping[str, Any]
LambdaHandler = Callable[[Any, Any], Any]

FLUSH_SECONDS = 3.0
SPARE_SECONDS = 0.3
"""What is left of the function's time for the end of it."""


def lambda_middleware(
    tollkeeper: Tollkeeper,
    *,
    user: AskedText[LambdaEvent],
    facility: AskedText[LambdaEvent] | None = None,
    data: AskedData[LambdaEvent] | None = None,
    watch: Callable[[Seen], None] | None = None,
) -> Callable[[LambdaHandler], LambdaHandler]:
    """Return a decorator of handlers that API Gateway (HTTP and REST), a function URL or an ALB calls.

    The callables are asked with the event. What is no HTTP request is not counted, but flushed after.
    """
    meter = Meter(tollkeeper, user, facility, data, watch)

    def decorate(handler: LambdaHandler) -> LambdaHandler:
        @functools.wraps(handler)
        def metered(event: Any, context: Any) -> Any:  # noqa: ANN401 - an event may be anything
            try:
                return _handle(meter, handler, event, context)
            finally:
                flush_before_return(tollkeeper, context)

        return metered

    return decorate


def flush_before_return(tollkeeper: Tollkeeper, context: object) -> None:
    """Send what waits, for as long as a function's time allows: a frozen process sends nothing."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    left = FLUSH_SECONDS if remaining is None else remaining() / 1_000 - SPARE_SECONDS
    try:
        if left > 0 and not tollkeeper.pending().is_empty and not tollkeeper.flush(min(left, FLUSH_SECONDS)):
            logger.warning(
                "Usage waits for the function's next call", extra={"pending": repr(tollkeeper.pending())}
            )
    except Exception:
        logger.exception("Not flushed")


def request_of(event: object) -> tuple[str, str] | None:
    """Return the method and path of an HTTP event; None for any other."""
    if not isinstance(event, Mapping):
        return None
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, Mapping) else None
    if isinstance(http, Mapping) and isinstance(context, Mapping):
        path, stage = str(event.get("rawPath", "/")), context.get("stage", "$default")
        if path == f"/{stage}" or path.startswith(f"/{stage}/"):
            path = path[len(str(stage)) + 1 :]
        return str(http.get("method", "")), path or "/"
    if "httpMethod" in event and "path" in event:
        return str(event["httpMethod"]), str(event["path"])
    return None


def _handle(meter: Meter[LambdaEvent], handler: LambdaHandler, event: Any, context: Any) -> Any:  # noqa: ANN401
    request = request_of(event)
    if request is None:
        return handler(event, context)
    passage = meter.begin(*request, event)
    if passage.refusal is not None:
        meter.end(passage, None, event)
        return _answer(*passage.refusal)
    try:
        answer = handler(event, context)
    except NotAllowedError as error:
        return _answer(*meter.refused(passage, error))
    except BaseException:
        meter.end(passage, None, event)
        raise
    meter.end(passage, _status(answer), event)
    return answer


def _status(answer: object) -> int:
    """An answer without a status is the body of a 200."""
    status = answer.get("statusCode", 200) if isinstance(answer, Mapping) else 200
    return int(status)


def _answer(status: int, body: object) -> dict[str, object]:
    return {
        "statusCode": int(status),
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
    }
