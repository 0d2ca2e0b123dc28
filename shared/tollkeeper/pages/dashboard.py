"""The usage page, and the smaller ones that lead on from it, as HTML."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from tollkeeper.catalogue import UNLIMITED, Plan
from tollkeeper.pages import writing
from tollkeeper.pages.security import STYLE
from tollkeeper.rules.money import money
from tollkeeper.views.dashboard import DashboardView
from tollkeeper.views.records import RecordsView

DONE = {
    "cap": "Your spending cap is set.",
    "plan": "Your plan is changed.",
    "later": "Your plan will change when this period ends.",
    "cancel": "Your subscription is cancelled.",
    "resume": "Your subscription goes on.",
}
"""What a page says first, by what was just done."""


@dataclass(frozen=True, slots=True)
class Browser:
    """What a page needs to know of who sees it.

    `may_buy` lets them see what changes something; `csrf` goes with each of those forms, and `key` names one
    rendering, so that a form that is sent twice is carried out once.
    """

    may_buy: bool
    csrf: str
    key: str


@dataclass(frozen=True, slots=True)
class PlanPreviewText:
    """What a change of plan would mean, for its page; amounts in cents."""

    at_once: bool
    at: datetime
    due_now: int
    next_total: int
    overage_so_far: int


@pass_context
def _cents(context: Context, amount: int, currency: str | None = None) -> str:
    return money(amount, currency or context["currency"])


def _environment() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        number=writing.number,
        data=writing.data,
        day=writing.day,
        moment=writing.moment,
        sentence=writing.sentence,
        money=_cents,
        percent=writing.percent,
        within=writing.within,
        columns=writing.columns,
        chart_width=writing.width,
    )
    templates.globals.update(
        style=STYLE, UNLIMITED=UNLIMITED, CHART_HEIGHT=writing.CHART_HEIGHT, plural=writing.plural
    )
    return templates


_TEMPLATES = _environment()


def dashboard(view: DashboardView, browser: Browser, *, done: str = "", plans_page: str | None = None) -> str:
    """Return the usage page. `done` is what was just done; `plans_page` is where plans can be bought."""
    return _rendered(
        "dashboard",
        view=view,
        browser=browser,
        done=DONE.get(done),
        plans_page=plans_page,
        currency=view.currency,
    )


def records(found: RecordsView, *, title: str, csv: str, following: str | None, start: datetime) -> str:
    """Return the page of records behind a number. `csv` and `following` are addresses that lead on."""
    return _rendered(
        "records", found=found, title=title, csv=csv, following=following, start=start, currency=""
    )


def plan(preview: PlanPreviewText, present: Plan, wanted: Plan, view: DashboardView, browser: Browser) -> str:
    """Return the page on which a change of plan is looked at, and made."""
    return _rendered(
        "plan",
        preview=preview,
        present=present,
        wanted=wanted,
        view=view,
        browser=browser,
        currency=view.currency,
    )


def notice(
    title: str, message: str, *, link: str | None = None, label: str = "", back: str | None = None
) -> str:
    """Return a page that says one thing, with a link on to it if there is one, and one back."""
    return _rendered("notice", title=title, message=message, link=link, label=label, back=back, currency="")


def _rendered(name: str, **values: object) -> str:
    return _TEMPLATES.get_template(f"{name}.html").render(**values)
