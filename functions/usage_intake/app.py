"""POST /usage and /usage/corrections: what services report of users."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.api.bodies.intake import UsageAccepted, UsageBatch
from tollkeeper.api.resolver import resolver, respond
from tollkeeper.catalogue import Catalogue
from tollkeeper.clock import Clock
from tollkeeper.telemetry import logger
from tollkeeper.usage.intake import Intake
from tollkeeper.usage.queue import UsageQueue
from tollkeeper.usage.records import CorrectionIn

app = resolver()


def intake(
    queue: Annotated[UsageQueue, Depends(runtime.usage_queue)],
    catalogue: Annotated[Catalogue, Depends(runtime.catalogue)],
) -> Intake:
    """Return what takes usage in."""
    return Intake(queue, catalogue.metrics)


ThisIntake = Annotated[Intake, Depends(intake)]
ThisClock = Annotated[Clock, Depends(runtime.clock)]


@app.post("/usage", status_code=HTTPStatus.ACCEPTED, summary="Report what users did")
def report_usage(body: UsageBatch, intake: ThisIntake, clock: ThisClock) -> UsageAccepted:
    """Take the good records, even beside bad ones. What was accepted will be counted, once."""
    return UsageAccepted.of(intake.accept(body.records, clock.now()))


@app.post("/usage/corrections", status_code=HTTPStatus.ACCEPTED, summary="Take counted usage back")
def correct_usage(body: CorrectionIn, intake: ThisIntake, clock: ThisClock) -> UsageAccepted:
    """Accept a correction. One that would take more than was counted becomes a dead letter."""
    return UsageAccepted.of(intake.correct(body, clock.now()))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request."""
    return respond(app, event, context, runtime.authorizer().service)
