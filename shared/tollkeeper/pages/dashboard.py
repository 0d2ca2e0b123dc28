"""The usage page, and the smaller ones that lead on from it, as HTML."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from tollkeeper.catalogue import UNLIMITED, Catalogue, Plan
from tollkeeper.pages import writing
from tollkeeper.pages.detail import DETAILS, MOST_BYTES
from tollkeeper.pages.notation import IN_ENGLISH, Notation
from tollkeeper.pages.security import STYLE
from tollkeeper.rules.facilities import fewer
from tollkeeper.views.dashboard import DashboardView
from tollkeeper.views.explanations import ExplanationView
from tollkeeper.views.metrics import Figures
from tollkeeper.views.records import RecordQuestion, RecordsView
from tollkeeper.views.stripe_bills import BillsView

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
    rendering, so that a form that is sent twice is carried out once. `notation` is how they write numbers.
    """

    may_buy: bool
    csrf: str
    key: str
    notation: Notation = IN_ENGLISH


class PlanPreview(Protocol):
    """What a change of plan would mean, for its page; amounts in cents. `effective` is "now" or later."""

    @property
    def effective(self) -> str: ...  # noqa: D102 - said above
    @property
    def at(self) -> datetime: ...  # noqa: D102
    @property
    def due_now(self) -> int: ...  # noqa: D102
    @property
    def next_total(self) -> int: ...  # noqa: D102
    @property
    def overage_so_far(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a page of records leads on to; `following` is None at the list's end.

    `is_first` says that the list begins on this page.
    """

    csv: str
    following: str | None
    is_first: bool
    json: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """As of when a page's figures are told, and whether they may still change."""

    as_of: datetime
    figures: Figures


@pass_context
def _number(context: Context, quantity: int | Decimal) -> str:
    return _notation(context).number(quantity)


@pass_context
def _plural(context: Context, quantity: int, unit: str, units: str | None = None) -> str:
    return f"{_notation(context).number(quantity)} {unit if quantity == 1 else units or f'{unit}s'}"


@pass_context
def _hundredths(context: Context, share: int) -> str:
    return _notation(context).percent(share)


@pass_context
def _day(context: Context, of: date) -> Markup:
    return _notation(context).day(of)


@pass_context
def _moment(context: Context, of: datetime) -> Markup:
    return _notation(context).moment(of)


@pass_context
def _money(context: Context, amount: int | Decimal, currency: str | None = None) -> str:
    return _notation(context).money(amount, currency or context["currency"])


def _notation(context: Context) -> Notation:
    found = context["notation"]
    assert isinstance(found, Notation)  # noqa: S101 - each page is made with one
    return found


def _environment() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        number=_number,
        plural=_plural,
        hundredths=_hundredths,
        day=_day,
        moment=_moment,
        money=_money,
        data=writing.data,
        sentence=writing.sentence,
        brief=writing.brief,
        percent=writing.percent,
        within=writing.within,
        colours=writing.colours,
        columns=writing.columns,
        chart_width=writing.width,
    )
    templates.globals.update(
        style=STYLE,
        UNLIMITED=UNLIMITED,
        CHART_HEIGHT=writing.CHART_HEIGHT,
        MOST_IN_A_LINK=writing.MOST_IN_A_LINK,
    )
    return templates


_TEMPLATES = _environment()


def dashboard(view: DashboardView, browser: Browser, *, done: str = "", plans_page: str | None = None) -> str:
    """Return the usage page. `done` is what was just done; `plans_page` is where plans can be bought.

    It is told in less detail where it would weigh more than 60,000 bytes.
    """
    page = ""
    for detail in DETAILS:
        charts = [replace(each, facilities=fewer(each.facilities, detail.facilities)) for each in view.charts]
        page = _rendered(
            "dashboard",
            browser.notation,
            view.currency,
            view=replace(view, charts=charts),
            browser=browser,
            done=DONE.get(done),
            plans_page=plans_page,
            detail=detail,
        )
        if len(page.encode()) < MOST_BYTES:
            break
    return page


def records(
    found: RecordsView,
    question: RecordQuestion,
    catalogue: Catalogue,
    onward: Onward,
    notation: Notation,
    told: Told,
) -> str:
    """Return the page of records behind a number."""
    names = _names(catalogue)
    return _rendered(
        "records",
        notation,
        found=found,
        told=told,
        question=question,
        names=names,
        title=names.get(question.metric, question.metric) if question.metric else "all metrics",
        together=_together(found, question) if onward.is_first and onward.following is None else {},
        onward=onward,
    )


def older_invoices(bills: BillsView, after: str, notation: Notation) -> str:
    """Return the page of invoices that are older than one, whose id is `after`."""
    return _rendered("invoices", notation, bills=bills, after=after)


def explanation(
    why: ExplanationView, bills: BillsView, catalogue: Catalogue, onward: Onward, notation: Notation
) -> str:
    """Return the page that leads from an invoice's lines to charges, their period, and the records behind.

    Raises:
        UnknownInvoiceError: it is not among the bills.
    """
    invoice = bills.invoice(why.invoice_id)
    plan = catalogue.plans.get(why.plan_tier) if why.plan_tier else None
    return _rendered(
        "explanation",
        notation,
        invoice.currency,
        why=why,
        found=RecordsView(why.records, why.cursor),
        as_of=bills.as_of,
        invoice=invoice,
        names=_names(catalogue),
        plan_name=plan.display_name if plan else why.plan_tier,
        onward=onward,
    )


def parts(title: str, part: int, rows: int, onward: Onward, notation: Notation) -> str:
    """Return the page that hands out a table which one file does not hold, part by part."""
    return _rendered("parts", notation, title=title, part=part, rows=rows, onward=onward)


def plan(preview: PlanPreview, present: Plan, wanted: Plan, view: DashboardView, browser: Browser) -> str:
    """Return the page on which a change of plan is looked at, and made."""
    return _rendered(
        "plan",
        browser.notation,
        view.currency,
        preview=preview,
        present=present,
        wanted=wanted,
        view=view,
        browser=browser,
    )


def notice(
    title: str, message: str, *, link: str | None = None, label: str = "", back: str | None = None
) -> str:
    """Return a page that says one thing, with a link on to it if there is one, and one back."""
    return _rendered("notice", IN_ENGLISH, title=title, message=message, link=link, label=label, back=back)


def _rendered(name: str, notation: Notation, currency: str = "", **values: object) -> str:
    return _TEMPLATES.get_template(f"{name}.html").render(notation=notation, currency=currency, **values)


def _names(catalogue: Catalogue) -> Mapping[str, str]:
    return {name: metric.display_name for name, metric in catalogue.metrics.items()}


def _together(found: RecordsView, question: RecordQuestion) -> Mapping[str, int]:
    """Return what the records of a whole list come to by metric, as the number says that they are behind.

    What counts in no period is in its days' sums alone.
    """
    sums: Counter[str] = Counter()
    for each in found.records:
        if question.span or not (each.unbilled or each.dropped):
            sums[each.event_type] += each.quantity - (each.released or 0)
    return sums
