"""What a visitor decides who may buy: cap, plan, the end of a subscription, and Stripe's portal."""

from urllib.parse import urlencode

from tollkeeper import runtime
from tollkeeper.api.browser_replies import redirect
from tollkeeper.api.browsers import Visit
from tollkeeper.api.dashboard.shown import Answer, as_page, notation_of
from tollkeeper.pages import dashboard
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.plan_changes import Effective
from tollkeeper.rules.usage import MAX_QUANTITY
from tollkeeper.runtime import dashboard as runtime_dashboard
from tollkeeper.runtime import subscriptions
from tollkeeper.subscriptions.cancellations import CancelAt


def set_cap(visit: Visit) -> Answer:
    """Answer POST /dashboard/cap: an amount as the reader writes it, or nothing for no cap."""
    typed, currency = visit.fields.get("amount", "").strip(), runtime.catalogue().currency
    reader = notation_of(visit)
    try:
        cap = reader.smallest_units(typed, currency) if typed else None
    except ValueError as error:
        example = reader.money(4_990, currency)
        raise InvalidFieldError("amount", f"write an amount such as {example}, or nothing") from error
    if cap is not None and cap > MAX_QUANTITY:
        raise InvalidFieldError("amount", f"may be {reader.money(MAX_QUANTITY, currency)} at most")
    subscriptions.spending_caps().set(visit.user, cap, runtime.clock().now(), runtime.patience())
    return _done(visit, "cap")


def change_plan(visit: Visit) -> Answer:
    """Answer POST /dashboard/plan."""
    changes, wanted = subscriptions.plan_changes(), visit.fields.get("plan", "")
    change = changes.change(visit.user, wanted, visit.key, runtime.clock().now(), runtime.patience())
    return _done(visit, "plan" if change.effective is Effective.NOW else "later")


def cancel(visit: Visit) -> Answer:
    """Answer POST /dashboard/cancel."""
    at = visit.fields.get("at", "")
    if at not in set(CancelAt):
        raise InvalidFieldError("at", f"must be one of {', '.join(CancelAt)}")
    ends = subscriptions.cancellations()
    ends.cancel(visit.user, CancelAt(at), visit.key, runtime.clock().now(), runtime.patience())
    return _done(visit, "cancel")


def resume(visit: Visit) -> Answer:
    """Answer POST /dashboard/resume."""
    ends = subscriptions.cancellations()
    ends.resume(visit.user, visit.key, runtime.clock().now(), runtime.patience())
    return _done(visit, "resume")


def portal(visit: Visit) -> Answer:
    """Answer POST /dashboard/portal.

    No redirect: browsers hold that a form may lead to our own pages only, wherever it is sent on to.
    """
    opened = runtime_dashboard.portal(visit.address.origin)
    url = opened.open_session(visit.user, visit.address.url, None, runtime.clock().now())
    _anew(visit)
    message = "There you look after payment methods, addresses and invoices, and come back here."
    shown = as_page(
        dashboard.notice("On to Stripe", message, link=url, label="Go to Stripe", back="../dashboard")
    )
    return {**shown, "headers": {**shown["headers"], "Refresh": f"0; url={url}"}}


def _done(visit: Visit, done: str) -> Answer:
    _anew(visit)
    return redirect(f"../dashboard?{urlencode({'done': done})}")


def _anew(visit: Visit) -> None:
    """Let the next page ask Stripe anew."""
    runtime_dashboard.bills_at_stripe().decided(visit.user, visit.opened.answer)
