"""POST /dashboard-link, and /dashboard: the usage page. A cookie lets browsers in there, and no token."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from secrets import token_hex
from typing import Annotated, Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Depends
from aws_lambda_powertools.event_handler.request import Request
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime, runtime_dashboard, runtime_decisions
from tollkeeper.api import errors
from tollkeeper.api.authorization import ForbiddenError
from tollkeeper.api.bodies.dashboard import DashboardLinkOut
from tollkeeper.api.browsers import Address, cookie, csrf_token, form, is_from_our_page, query
from tollkeeper.api.resolver import Caller, resolver, respond
from tollkeeper.ledger.sessions import (
    LINK_LIFETIME,
    SESSION_LIFETIME,
    Session,
    UnknownLinkError,
    UnknownSessionError,
)
from tollkeeper.ledger.sessions import Sessions as BookOfSessions
from tollkeeper.pages import dashboard, records_csv
from tollkeeper.pages.security import HEADERS, PRIVATE
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.money import money, smallest_units
from tollkeeper.rules.plan_changes import Effective
from tollkeeper.rules.usage import MAX_QUANTITY
from tollkeeper.settings import Stage
from tollkeeper.subscriptions.cancellations import CancelAt
from tollkeeper.telemetry import logger

app = resolver()

type Answer = dict[str, Any]

FAILURES: tuple[type[Exception], ...] = (UnknownLinkError, UnknownSessionError, *errors.REPLIES)
"""What a page says in words."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser that was let in: as whom, under which secret, at which address, and what it sent."""

    session: Session
    secret: str
    address: Address
    fields: Mapping[str, str]

    @property
    def user(self) -> str:
        """The user whose page it is."""
        return self.session.user_id

    @property
    def browser(self) -> dashboard.Browser:
        """What a page needs to know of it."""
        return dashboard.Browser(self.session.may_buy, csrf_token(self.secret), token_hex(8))


def _address(request: Request) -> Address:
    return _address_of(request.resolved_event.raw_event)


def _may_buy(request: Request) -> bool:
    return runtime.authorizer().may_buy(request.resolved_event.raw_event)


@app.post("/dashboard-link", status_code=HTTPStatus.CREATED, summary="A link to the caller's usage page")
def link(
    user: Caller,
    may_buy: Annotated[bool, Depends(_may_buy)],
    sessions: Annotated[BookOfSessions, Depends(runtime_dashboard.sessions)],
    address: Annotated[Address, Depends(_address)],
) -> DashboardLinkOut:
    """Return where to send the user's browser: good once, for five minutes, with the right of this token."""
    now = runtime_dashboard.wall_clock().now()
    secret = sessions.link(user, now, may_buy=may_buy)
    return DashboardLinkOut(url=address.link(secret), good_until=now + LINK_LIFETIME)


def _show(visit: Visit) -> Answer:
    view = runtime_dashboard.dashboards().show(visit.user)
    done = visit.fields.get("done", "")
    return _page(dashboard.dashboard(view, visit.browser, done=done, plans_page=_plans_page()))


def _records(visit: Visit) -> Answer:
    reader, metric = runtime.reader(), visit.fields.get("eventType") or None
    start = reader.subscription(visit.user).current_period_start
    found = reader.records(visit.user, start, None, metric, visit.fields.get("cursor") or None)
    here = urlencode(visit.fields)
    following = urlencode({**visit.fields, "cursor": found.cursor}) if found.cursor else None
    return _page(
        dashboard.records(
            found,
            title=runtime.catalogue().metrics[metric].display_name if metric else "all metrics",
            csv=f"records.csv?{here}",
            following=f"records?{following}" if following else None,
            start=start,
        )
    )


def _records_csv(visit: Visit) -> Answer:
    reader, metric = runtime.reader(), visit.fields.get("eventType") or None
    start = reader.subscription(visit.user).current_period_start
    found = reader.records(visit.user, start, None, metric, visit.fields.get("cursor") or None)
    headers = {
        **PRIVATE,
        "Content-Type": records_csv.CONTENT_TYPE,
        "Content-Disposition": f'attachment; filename="usage-{start.date()}.csv"',
    }
    return {"statusCode": HTTPStatus.OK.value, "headers": headers, "body": records_csv.records_csv(found)}


def _plan(visit: Visit) -> Answer:
    _require_buyer(visit)
    wanted, now = visit.fields.get("to", ""), runtime.clock().now()
    preview = runtime_decisions.plan_changes().preview(visit.user, wanted, now)
    view, plans = runtime_dashboard.dashboards().show(visit.user), runtime.catalogue().plans
    text = dashboard.PlanPreviewText(
        preview.effective is Effective.NOW,
        preview.at,
        preview.due_now,
        preview.next_total,
        preview.overage_so_far,
    )
    return _page(dashboard.plan(text, view.plan, plans[wanted], view, visit.browser))


def _set_cap(visit: Visit) -> Answer:
    typed, currency = visit.fields.get("amount", "").strip(), runtime.catalogue().currency
    try:
        cap = smallest_units(typed, currency) if typed else None
    except ValueError as error:
        raise InvalidFieldError("amount", "write an amount such as 50 or 49.90, or nothing") from error
    if cap is not None and cap > MAX_QUANTITY:
        raise InvalidFieldError("amount", f"may be {money(MAX_QUANTITY, currency)} at most")
    runtime.spending_caps().set(visit.user, cap, runtime.clock().now(), runtime.patience())
    return _done(visit, "cap")


def _change_plan(visit: Visit) -> Answer:
    changes, wanted = runtime_decisions.plan_changes(), visit.fields.get("plan", "")
    change = changes.change(visit.user, wanted, _key(visit), runtime.clock().now(), runtime.patience())
    return _done(visit, "plan" if change.effective is Effective.NOW else "later")


def _cancel(visit: Visit) -> Answer:
    at = visit.fields.get("at", "")
    if at not in set(CancelAt):
        raise InvalidFieldError("at", f"must be one of {', '.join(CancelAt)}")
    ends = runtime_decisions.cancellations()
    ends.cancel(visit.user, CancelAt(at), _key(visit), runtime.clock().now(), runtime.patience())
    return _done(visit, "cancel")


def _resume(visit: Visit) -> Answer:
    ends = runtime_decisions.cancellations()
    ends.resume(visit.user, _key(visit), runtime.clock().now(), runtime.patience())
    return _done(visit, "resume")


def _portal(visit: Visit) -> Answer:
    opened = runtime_dashboard.portal(visit.address.origin)
    url = opened.open_session(visit.user, visit.address.url, None, runtime.clock().now())
    runtime_dashboard.bills_at_stripe().forget(visit.user)
    message = "There you look after payment methods, addresses and invoices, and come back here."
    # No redirect: browsers hold that a form may lead to our own pages only, wherever it is sent on to.
    page = _page(
        dashboard.notice("On to Stripe", message, link=url, label="Go to Stripe", back="../dashboard")
    )
    return {**page, "headers": {**page["headers"], "Refresh": f"0; url={url}"}}


def _close(visit: Visit) -> Answer:
    runtime_dashboard.sessions().end(visit.secret, runtime_dashboard.wall_clock().now())
    page = _page(dashboard.notice("Closed", "This page is closed. Open it again from where you came."))
    return {**page, "cookies": [visit.address.cookie("", timedelta())]}


LOOKING: Mapping[str, Callable[[Visit], Answer]] = {
    "GET /dashboard": _show,
    "GET /dashboard/records": _records,
    "GET /dashboard/records.csv": _records_csv,
    "GET /dashboard/plan": _plan,
}
DECIDING: Mapping[str, Callable[[Visit], Answer]] = {
    "POST /dashboard/cap": _set_cap,
    "POST /dashboard/plan": _change_plan,
    "POST /dashboard/cancel": _cancel,
    "POST /dashboard/resume": _resume,
    "POST /dashboard/portal": _portal,
}
"""What only those may who may buy; they and closing ask for the token that the page's forms carry."""


def _answer(event: Mapping[str, Any]) -> Answer:
    route, address = event["routeKey"], _address_of(event)
    if route == "GET /dashboard" and "link" in query(event):
        return _enter(query(event)["link"], address)
    secret = cookie(event)
    session = runtime_dashboard.sessions().read(secret, runtime_dashboard.wall_clock().now())
    if route in LOOKING:
        return LOOKING[route](Visit(session, secret, address, query(event)))
    visit = Visit(session, secret, address, form(event))
    if not is_from_our_page(event, visit.fields, secret, address.origin):
        raise ForbiddenError("This form is not of the page that you have open. Go back, and try again there.")
    if route == "POST /dashboard/close":
        return _close(visit)
    _require_buyer(visit)
    return DECIDING[route](visit)


def _enter(secret: str, address: Address) -> Answer:
    session = runtime_dashboard.sessions().begin(secret, runtime_dashboard.wall_clock().now())
    # The address without the link: it stands in no history, and a reload is no second use.
    return {**_redirect("dashboard"), "cookies": [address.cookie(session, SESSION_LIFETIME)]}


def _done(visit: Visit, done: str) -> Answer:
    runtime_dashboard.bills_at_stripe().forget(visit.user)
    return _redirect(f"../dashboard?{urlencode({'done': done})}")


def _redirect(location: str) -> Answer:
    return {
        "statusCode": HTTPStatus.SEE_OTHER.value,
        "headers": {**PRIVATE, "Location": location},
        "body": "",
    }


def _page(html: str, status: int = HTTPStatus.OK.value) -> Answer:
    return {"statusCode": status, "headers": dict(HEADERS), "body": html}


def _failed(error: Exception, route: str) -> Answer:
    """Return the page that says why something did not work, in the words that the API has for it."""
    if isinstance(error, UnknownLinkError | UnknownSessionError):
        message = "A link opens this page once, for half an hour. Open it again from where you came."
        return _page(dashboard.notice("Open this page again", message), HTTPStatus.UNAUTHORIZED.value)
    reply = errors.reply_to(error)
    said = json.loads(reply["body"])
    page = said.get("hostedInvoiceUrl")
    back = "dashboard" if route == "GET /dashboard" else "../dashboard"
    html = dashboard.notice(
        "That did not work", said["message"], link=page, label="Open the invoice", back=back
    )
    return _page(html, reply["statusCode"])


def _require_buyer(visit: Visit) -> None:
    if not visit.session.may_buy:
        raise ForbiddenError("Only those may do this who may change what your organisation buys.")


def _key(visit: Visit) -> str | None:
    return visit.fields.get("key", "")[:64] or None


def _address_of(event: Mapping[str, Any]) -> Address:
    return Address.of(event, local=runtime.settings().stage is Stage.LOCAL)


def _plans_page() -> str | None:
    """Return where plans are sold, if the deployment says it whole, or has one origin that it is of."""
    url, origins = runtime.settings().upgrade_url, runtime.settings().allowed_origins
    if url.startswith("/"):
        return f"{next(iter(origins))}{url}" if len(origins) == 1 else None
    return url


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an HTTP API request: the link with JSON, and all else with a page."""
    if event["routeKey"] == "POST /dashboard-link":
        return respond(app, {**event, "body": None}, context, lambda asked: runtime.authorizer().user(asked))
    try:
        return _answer(event)
    except FAILURES as error:
        return _failed(error, event["routeKey"])
