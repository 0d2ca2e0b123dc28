"""POST /dashboard-link, and /dashboard: the usage page. A cookie lets browsers in there, and no token."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Depends
from aws_lambda_powertools.event_handler.request import Request
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.api.authorization import ForbiddenError
from tollkeeper.api.bodies.dashboard import DashboardLinkOut
from tollkeeper.api.browser_replies import redirect
from tollkeeper.api.browsers import Address, Visit, form_fields, is_from_our_page, languages, query, ticket
from tollkeeper.api.dashboard import decisions, invoices, looking, records
from tollkeeper.api.dashboard.shown import FAILURES, Answer, as_page, failed, require_buyer
from tollkeeper.api.resolver import Caller, resolver, respond
from tollkeeper.ledger.sessions import LINK_LIFETIME, SESSION_LIFETIME, Sessions
from tollkeeper.pages import dashboard
from tollkeeper.runtime import dashboard as runtime_dashboard
from tollkeeper.settings import Stage
from tollkeeper.telemetry import logger

app = resolver()


def _address(request: Request) -> Address:
    return _address_of(request.resolved_event.raw_event)


def _may_buy(request: Request) -> bool:
    return runtime.authorizer().may_buy(request.resolved_event.raw_event)


@app.post("/dashboard-link", status_code=HTTPStatus.CREATED, summary="A link to the caller's usage page")
def link(
    user: Caller,
    may_buy: Annotated[bool, Depends(_may_buy)],
    sessions: Annotated[Sessions, Depends(runtime_dashboard.sessions)],
    address: Annotated[Address, Depends(_address)],
) -> DashboardLinkOut:
    """Return where to send the user's browser: good once, for five minutes, with the right of this token."""
    now = runtime_dashboard.wall_clock().now()
    secret = sessions.link(user, now, may_buy=may_buy)
    return DashboardLinkOut(url=address.link(secret), good_until=now + LINK_LIFETIME)


LOOKING: Mapping[str, Callable[[Visit], Answer]] = {
    "GET /dashboard": looking.show,
    "GET /dashboard/records": records.records,
    "GET /dashboard/records.csv": records.records_csv,
    "GET /dashboard/invoices": invoices.older,
    "GET /dashboard/explain": invoices.explain,
    "GET /dashboard/plan": looking.plan,
}
DECIDING: Mapping[str, Callable[[Visit], Answer]] = {
    "POST /dashboard/cap": decisions.set_cap,
    "POST /dashboard/plan": decisions.change_plan,
    "POST /dashboard/cancel": decisions.cancel,
    "POST /dashboard/resume": decisions.resume,
    "POST /dashboard/portal": decisions.portal,
}
"""What only those may who may buy; they and closing ask for the token that the page's forms carry."""


def _answer(event: Mapping[str, Any]) -> Answer:
    route, address = event["routeKey"], _address_of(event)
    if route == "GET /dashboard" and "link" in query(event):
        return _enter(query(event)["link"], address)
    shown = ticket(event)
    opened = runtime_dashboard.sessions().open(shown, runtime_dashboard.wall_clock().now())
    if route in LOOKING:
        return LOOKING[route](Visit(opened, shown.secret, address, query(event), languages(event)))
    visit = Visit(opened, shown.secret, address, form_fields(event), languages(event))
    if not is_from_our_page(event, visit.fields, visit.secret, address.origin):
        raise ForbiddenError("This form is not of the page that you have open. Go back, and try again there.")
    if route == "POST /dashboard/close":
        return _close(visit)
    require_buyer(visit)
    return DECIDING[route](visit)


def _enter(secret: str, address: Address) -> Answer:
    given = runtime_dashboard.sessions().begin(secret, runtime_dashboard.wall_clock().now())
    # The address without the link: it stands in no history, and a reload is no second use.
    return {**redirect("dashboard"), "cookies": [address.cookie(given, SESSION_LIFETIME)]}


def _close(visit: Visit) -> Answer:
    runtime_dashboard.sessions().end(visit.secret, runtime_dashboard.wall_clock().now())
    shown = as_page(dashboard.notice("Closed", "This page is closed. Open it again from where you came."))
    return {**shown, "cookies": [visit.address.cookie(None, timedelta())]}


def _address_of(event: Mapping[str, Any]) -> Address:
    return Address.of(event, local=runtime.settings().stage is Stage.LOCAL)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request: the link with JSON, and all else with a page."""
    if event["routeKey"] == "POST /dashboard-link":
        return respond(app, {**event, "body": None}, context, lambda asked: runtime.authorizer().user(asked))
    try:
        return _answer(event)
    except FAILURES as error:
        return failed(error, event["routeKey"])
