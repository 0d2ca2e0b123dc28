"""POST and GET /coverage: what hosts have seen of their requests, and what share of them is metered."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.api.bodies.coverage import CoverageOut, CoverageReportIn, CoverageTaken
from tollkeeper.api.resolver import resolver, respond
from tollkeeper.clock import Clock
from tollkeeper.coverage.telling import CoverageTelling
from tollkeeper.runtime import coverage
from tollkeeper.telemetry import logger, metrics

MOST_HOURS = 168

app = resolver()

ThisCoverage = Annotated[CoverageTelling, Depends(coverage.coverage)]
ThisClock = Annotated[Clock, Depends(runtime.clock)]
Hours = Annotated[int, Query(ge=1, le=MOST_HOURS, description="The last so many hours.")]


@app.post("/coverage", summary="Tell what a process has seen in an hour")
def tell(body: CoverageReportIn, coverage: ThisCoverage, clock: ThisClock) -> CoverageTaken:
    """Keep it. The same may be told again, and more of the same hour takes its place."""
    kept = coverage.take(body.report(), clock.now())
    if kept and body.unmapped:  # a custom metric costs by the hours in which it is told
        metrics.add_metric("RequestsUnmapped", MetricUnit.Count, body.unmapped)
        metrics.flush_metrics()
    return CoverageTaken(kept=kept)


@app.get("/coverage", summary="What share of the hosts' requests is metered")
def show(coverage: ThisCoverage, clock: ThisClock, hours: Hours = 24) -> CoverageOut:
    """Return what all hosts have told, which paths nobody has mapped, and which hosts are silent."""
    return CoverageOut.of(coverage.show(hours, clock.now()))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request."""
    asked = {**event, "body": None} if event["routeKey"].startswith("GET ") else event
    return respond(app, asked, context, lambda each: runtime.authorizer().service(each))
