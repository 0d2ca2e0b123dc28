"""POST /usage and /usage/corrections: what services report of users."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Depends

from tollkeeper import runtime
from tollkeeper.api.bodies.intake import UsageAccepted, UsageBatch
from tollkeeper.api.resolver import handler_of, resolver
from tollkeeper.clock import Clock
from tollkeeper.runtime import usage
from tollkeeper.usage.intake import Intake
from tollkeeper.usage.records import CorrectionIn

app = resolver()

ThisIntake = Annotated[Intake, Depends(usage.intake)]
ThisClock = Annotated[Clock, Depends(runtime.clock)]


@app.post("/usage", status_code=HTTPStatus.ACCEPTED, summary="Report what users did")
def report_usage(body: UsageBatch, intake: ThisIntake, clock: ThisClock) -> UsageAccepted:
    """Take the good records, even beside bad ones. What was accepted will be counted, once."""
    return UsageAccepted.of(intake.accept(body.records, clock.now()))


@app.post("/usage/corrections", status_code=HTTPStatus.ACCEPTED, summary="Take counted usage back")
def correct_usage(body: CorrectionIn, intake: ThisIntake, clock: ThisClock) -> UsageAccepted:
    """Accept a correction. One that would take more than was counted becomes a dead letter."""
    return UsageAccepted.of(intake.correct(body, clock.now()))


handler = handler_of(app, lambda event: runtime.authorizer().service(event))
