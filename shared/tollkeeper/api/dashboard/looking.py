"""The usage page itself, and the one on which a change of plan is looked at."""

from tollkeeper import runtime
from tollkeeper.api.browsers import Visit
from tollkeeper.api.dashboard.shown import Answer, as_page, browser, require_buyer
from tollkeeper.pages import dashboard
from tollkeeper.runtime import dashboard as runtime_dashboard
from tollkeeper.runtime import subscriptions


def show(visit: Visit) -> Answer:
    """Answer GET /dashboard."""
    view = runtime_dashboard.dashboards().show(visit.opened.user, visit.opened.answer)
    done, plans_page = visit.fields.get("done", ""), runtime.settings().plans_page
    return as_page(dashboard.dashboard(view, browser(visit), done=done, plans_page=plans_page))


def plan(visit: Visit) -> Answer:
    """Answer GET /dashboard/plan: what a change of plan would mean."""
    require_buyer(visit)
    wanted, now = visit.fields.get("to", ""), runtime.clock().now()
    preview = subscriptions.plan_changes().preview(visit.user, wanted, now)
    view = runtime_dashboard.dashboards().show(visit.opened.user, visit.opened.answer)
    plans = runtime.catalogue().plans
    return as_page(dashboard.plan(preview, view.plan, plans[wanted], view, browser(visit)))
