"""POST /usage and /usage/corrections: judge each record, and queue the good ones, many to a message."""

from http import HTTPStatus
from typing import Annotated, Any, cast

from aws_lambda_powertools.event_handler import Depends
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.api.models import CorrectionIn, Rejected, UsageAccepted, UsageBatch
from tollkeeper.api.resolver import resolver, respond
from tollkeeper.catalogue import Catalogue
from tollkeeper.clock import Clock
from tollkeeper.rules.usage import MOST_RECORDS, known_metric
from tollkeeper.telemetry import logger
from tollkeeper.usage.errors import NotQueuedError, TooManyRecordsError
from tollkeeper.usage.judgement import judge_all
from tollkeeper.usage.queue import UsageQueue

app = resolver()


@app.post("/usage", status_code=HTTPStatus.ACCEPTED, summary="Report what users did")
def report_usage(
    body: UsageBatch,
    catalogue: Annotated[Catalogue, Depends(runtime.catalogue)],
    queue: Annotated[UsageQueue, Depends(runtime.usage_queue)],
    clock: Annotated[Clock, Depends(runtime.clock)],
) -> UsageAccepted:
    """Take the good records, even beside bad ones. What was accepted will be counted, once."""
    if len(body.records) > MOST_RECORDS:
        raise TooManyRecordsError(
            f"{len(body.records)} records are too many; send at most {MOST_RECORDS} at once."
        )
    accepted_at = clock.now()
    records = cast("list[dict[str, object]]", body.records)  # as they came: each is judged by itself
    verdicts = judge_all(records, accepted_at, catalogue.metrics)
    good = [verdict for verdict in verdicts if verdict.refused is None]
    unsent = queue.send([records[verdict.index] for verdict in good], accepted_at)
    rejected = [
        Rejected(
            index=verdict.index,
            id=verdict.id,
            error=verdict.refused.refusal,
            message=verdict.refused.message,
            retryable=False,
        )
        for verdict in verdicts
        if verdict.refused
    ]
    rejected += [
        Rejected(
            index=good[number].index,
            id=good[number].id,
            error="unavailable",
            message="The queue did not take it. Send it again as it is.",
            retryable=True,
        )
        for number in unsent
    ]
    rejected.sort(key=lambda each: each.index)
    return UsageAccepted(accepted=len(verdicts) - len(rejected), rejected=rejected)


@app.post("/usage/corrections", status_code=HTTPStatus.ACCEPTED, summary="Take counted usage back")
def correct_usage(
    body: CorrectionIn,
    catalogue: Annotated[Catalogue, Depends(runtime.catalogue)],
    queue: Annotated[UsageQueue, Depends(runtime.usage_queue)],
    clock: Annotated[Clock, Depends(runtime.clock)],
) -> UsageAccepted:
    """Accept a correction. One that would take more than was counted becomes a dead letter."""
    known_metric(body.event_type, catalogue.metrics)
    if queue.send([body.model_dump(by_alias=True)], clock.now()):
        raise NotQueuedError
    return UsageAccepted(accepted=1, rejected=[])


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request."""
    return respond(app, event, context)
