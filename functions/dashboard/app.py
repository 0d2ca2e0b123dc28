"""POST /dashboard-link, and /dashboard: the usage page. A cookie lets browsers in there, and no token."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from secrets import token_hex
from typing import Annotated, Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Depends
from aws_lambda_powertools.event_handler.request import Request
from aws_lambda_powertools.utilities.typing import LambdaContext

from tollkeeper import runtime
from tollkeeper.api import browser_replies, errors
from tollkeeper.api.authorization import ForbiddenError
from tollkeeper.api.bodies.dashboard import DashboardLinkOut
from tollkeeper.api.bodies.explanations import ExplanationOut
from tollkeeper.api.browser_replies import file, redirect
from tollkeeper.api.browsers import (
    Address,
    Visit,
    cookie,
    csrf_token,
    form_fields,
    is_from_our_page,
    languages,
    query,
)
from tollkeeper.api.record_queries import record_question
from tollkeeper.api.resolver import Caller, resolver, respond
from tollkeeper.ledger.sessions import (
    LINK_LIFETIME,
    SESSION_LIFETIME,
    UnknownLinkError,
    UnknownSessionError,
)
from tollkeeper.ledger.sessions import Sessions as BookOfSessions
from tollkeeper.pages import dashboard
from tollkeeper.pages.dashboard import Onward
from tollkeeper.pages.notation import Notation, notation
from tollkeeper.pages.security import HEADERS
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.plan_changes import Effective
from tollkeeper.rules.usage import MAX_QUANTITY
from tollkeeper.runtime import dashboard as runtime_dashboard
from tollkeeper.runtime import subscriptions, views
from tollkeeper.settings import Stage
from tollkeeper.subscriptions.cancellations import CancelAt
from tollkeeper.telemetry import logger
from tollkeeper.views.record_tables import RecordTable, record_table
from tollkeeper.views.records import enough

app = resolver()

type Answer = dict[str, Any]

FAILURES: tuple[type[Exception], ...] = (UnknownLinkError, UnknownSessionError, *errors.REPLIES)
"""What a page says in words."""


def _notation(visit: Visit) -> Notation:
    return notation(visit.languages)


def _browser(visit: Visit) -> dashboard.Browser:
    return dashboard.Browser(visit.session.may_buy, csrf_token(visit.secret), token_hex(8), _notation(visit))


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
    return _page(
        dashboard.dashboard(view, _browser(visit), done=done, plans_page=runtime.settings().plans_page)
    )


def _records(visit: Visit) -> Answer:
    reader = views.reader()
    question = reader.precise(visit.user, record_question(visit.fields))
    found = enough(lambda at: reader.asked_for(visit.user, question, at), visit.cursor)
    onward = Onward(
        visit.here("records.csv", cursor=None),
        visit.here("records", cursor=found.cursor) if found.cursor else None,
        is_first=visit.cursor is None,
    )
    offered, now = runtime.catalogue(), runtime.clock().now()
    return _page(dashboard.records(found, question, offered, onward, _notation(visit), now))


def _records_csv(visit: Visit) -> Answer:
    reader = views.reader()
    question = reader.precise(visit.user, record_question(visit.fields))
    table = record_table(lambda at: reader.asked_for(visit.user, question, at), visit.cursor)
    return _table(visit, table, "records.csv", f"usage-{question.metric or 'all'}")


def _explain(visit: Visit) -> Answer:
    bills = runtime_dashboard.bills_at_stripe().of(visit.user)
    invoice = bills.invoice(visit.fields.get("invoice", ""))
    explanations, told = runtime_dashboard.explanations(), visit.fields.get("format")
    if told == "csv":
        table = explanations.table(visit.user, invoice.id, visit.cursor)
        return _table(visit, table, "explain", invoice.number or invoice.id)
    why = explanations.explain(visit.user, invoice.id, visit.cursor)
    if told == "json":
        body = ExplanationOut.of(why).model_dump_json(by_alias=True)
        return file(body, "application/json", f"{invoice.number or invoice.id}.json")
    onward = Onward(
        visit.here("explain", cursor=None, format="csv"),
        visit.here("explain", cursor=why.cursor) if why.cursor else None,
        is_first=visit.cursor is None,
        json=visit.here("explain", format="json"),
    )
    return _page(dashboard.explanation(why, bills, runtime.catalogue(), onward, _notation(visit)))


def _table(visit: Visit, table: RecordTable, address: str, name: str) -> Answer:
    """Return all of a list as one file; where it is too long, a page from which it is had in parts."""
    if table.cursor and "file" not in visit.fields:
        this = visit.here(address, part=str(visit.part), file="1")
        following = visit.here(address, part=str(visit.part + 1), cursor=table.cursor)
        onward = Onward(this, following, is_first=visit.cursor is None)
        return _page(dashboard.parts(name, visit.part, table.rows, onward, _notation(visit)))
    is_whole = table.cursor is None and visit.cursor is None
    return file(
        table.text, "text/csv; charset=utf-8", f"{name}{'' if is_whole else f'-part-{visit.part}'}.csv"
    )


def _plan(visit: Visit) -> Answer:
    _require_buyer(visit)
    wanted, now = visit.fields.get("to", ""), runtime.clock().now()
    preview = subscriptions.plan_changes().preview(visit.user, wanted, now)
    view, plans = runtime_dashboard.dashboards().show(visit.user), runtime.catalogue().plans
    return _page(dashboard.plan(preview, view.plan, plans[wanted], view, _browser(visit)))


def _set_cap(visit: Visit) -> Answer:
    typed, currency = visit.fields.get("amount", "").strip(), runtime.catalogue().currency
    reader = _notation(visit)
    try:
        cap = reader.smallest_units(typed, currency) if typed else None
    except ValueError as error:
        example = reader.money(4_990, currency)
        raise InvalidFieldError("amount", f"write an amount such as {example}, or nothing") from error
    if cap is not None and cap > MAX_QUANTITY:
        raise InvalidFieldError("amount", f"may be {reader.money(MAX_QUANTITY, currency)} at most")
    subscriptions.spending_caps().set(visit.user, cap, runtime.clock().now(), runtime.patience())
    return _done(visit, "cap")


def _change_plan(visit: Visit) -> Answer:
    changes, wanted = subscriptions.plan_changes(), visit.fields.get("plan", "")
    change = changes.change(visit.user, wanted, visit.key, runtime.clock().now(), runtime.patience())
    return _done(visit, "plan" if change.effective is Effective.NOW else "later")


def _cancel(visit: Visit) -> Answer:
    at = visit.fields.get("at", "")
    if at not in set(CancelAt):
        raise InvalidFieldError("at", f"must be one of {', '.join(CancelAt)}")
    ends = subscriptions.cancellations()
    ends.cancel(visit.user, CancelAt(at), visit.key, runtime.clock().now(), runtime.patience())
    return _done(visit, "cancel")


def _resume(visit: Visit) -> Answer:
    ends = subscriptions.cancellations()
    ends.resume(visit.user, visit.key, runtime.clock().now(), runtime.patience())
    return _done(visit, "resume")


def _portal(visit: Visit) -> Answer:
    opened = runtime_dashboard.portal(visit.address.origin)
    url = opened.open_session(visit.user, visit.address.url, None, runtime.clock().now())
    runtime_dashboard.bills_at_stripe().forget(visit.user)
    message = "There you look after payment methods, addresses and invoices, and come back here."
    # No redirect: browsers hold that a form may lead to our own pages only, wherever it is sent on to.
    shown = _page(
        dashboard.notice("On to Stripe", message, link=url, label="Go to Stripe", back="../dashboard")
    )
    return {**shown, "headers": {**shown["headers"], "Refresh": f"0; url={url}"}}


def _close(visit: Visit) -> Answer:
    runtime_dashboard.sessions().end(visit.secret, runtime_dashboard.wall_clock().now())
    shown = _page(dashboard.notice("Closed", "This page is closed. Open it again from where you came."))
    return {**shown, "cookies": [visit.address.cookie("", timedelta())]}


LOOKING: Mapping[str, Callable[[Visit], Answer]] = {
    "GET /dashboard": _show,
    "GET /dashboard/records": _records,
    "GET /dashboard/records.csv": _records_csv,
    "GET /dashboard/explain": _explain,
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
    tongues = languages(event)
    if route in LOOKING:
        return LOOKING[route](Visit(session, secret, address, query(event), tongues))
    visit = Visit(session, secret, address, form_fields(event), tongues)
    if not is_from_our_page(event, visit.fields, secret, address.origin):
        raise ForbiddenError("This form is not of the page that you have open. Go back, and try again there.")
    if route == "POST /dashboard/close":
        return _close(visit)
    _require_buyer(visit)
    return DECIDING[route](visit)


def _enter(secret: str, address: Address) -> Answer:
    session = runtime_dashboard.sessions().begin(secret, runtime_dashboard.wall_clock().now())
    # The address without the link: it stands in no history, and a reload is no second use.
    return {**redirect("dashboard"), "cookies": [address.cookie(session, SESSION_LIFETIME)]}


def _done(visit: Visit, done: str) -> Answer:
    runtime_dashboard.bills_at_stripe().forget(visit.user)
    return redirect(f"../dashboard?{urlencode({'done': done})}")


def _page(html: str, status: int = HTTPStatus.OK.value) -> Answer:
    return browser_replies.page(html, HEADERS, status)


def _failed(error: Exception, route: str) -> Answer:
    """Return the page that says why something did not work, in the words that the API has for it."""
    if isinstance(error, UnknownLinkError | UnknownSessionError):
        message = "A link opens this page once, for half an hour. Open it again from where you came."
        return _page(dashboard.notice("Open this page again", message), HTTPStatus.UNAUTHORIZED.value)
    reply = errors.reply_to(error)
    said = json.loads(reply["body"])
    back = "dashboard" if route == "GET /dashboard" else "../dashboard"
    html = dashboard.notice(
        "That did not work",
        said["message"],
        link=said.get("hostedInvoiceUrl"),
        label="Open the invoice",
        back=back,
    )
    return _page(html, reply["statusCode"])


def _require_buyer(visit: Visit) -> None:
    if not visit.session.may_buy:
        raise ForbiddenError("Only those may do this who may change what your organisation buys.")


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
        return _failed(error, event["routeKey"])
