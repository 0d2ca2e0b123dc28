"""The usage page: its figures are the views', whatever somebody put in is text, and it loads nothing."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from tests.examples import CATALOGUE, END, NOW, OFFER, PERIOD, START, USER
from tests.fakes.dashboard import BUSY, LAST_MONTH, SOME, being, shown, spread, states, using
from tollkeeper.api import browser_replies
from tollkeeper.pages import dashboard
from tollkeeper.pages.dashboard import Browser, Onward, Told
from tollkeeper.pages.notation import IN_ENGLISH, notation
from tollkeeper.pages.security import CONTENT_SECURITY_POLICY, HEADERS, STYLE
from tollkeeper.pages.writing import colours
from tollkeeper.rules.money import money
from tollkeeper.rules.series import FacilityDay, Span
from tollkeeper.rules.subscriptions import Status
from tollkeeper.views.dashboard import DashboardView
from tollkeeper.views.metrics import Figures
from tollkeeper.views.records import RecordQuestion, RecordsView, RecordView

STATES = states()
BUYER, MEMBER = Browser(True, "c" * 64, "k"), Browser(False, "c" * 64, "k")  # noqa: FBT003 - named by its field
MOST_BYTES = 60_000
ATTACK = """"><script>alert(1)</script><img src=x onerror=alert(2)>'&{{7*7}}"""
LEAF = "\N{HERB}"
"""A letter of four bytes."""

VOID = {"meta", "link", "input", "br", "img"}


class Elements(HTMLParser):
    """The elements of a page with their attributes, in order; and those that were never closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.mismatched: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """See that it closes what was opened last."""
        if not self.open or self.open.pop() != tag:
            self.mismatched.append(tag)

    def handle_data(self, data: str) -> None:
        """Note what is read."""
        if self.open[-1:] != ["style"]:
            self.words += f"{data} "

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.found if name == tag]


def page(view: DashboardView, browser: Browser = BUYER) -> Elements:
    """Return a page's elements."""
    return Elements(dashboard.dashboard(view, browser))


def words(view: DashboardView, browser: Browser = BUYER) -> str:
    """Return what is read on a page, with single spaces."""
    return re.sub(r"\s+", " ", page(view, browser).words)


class TestFigures:
    """Each number on the page is the one that the API tells."""

    @pytest.mark.parametrize("name", STATES)
    def test_each_metric_shows_what_is_used_and_included(self, name: str) -> None:
        """Those of GET /subscription, which is made of the same value."""
        view = STATES[name]
        read = words(view)
        for metric in view.period.metrics:
            assert view.subscription.usage[metric.name] == metric.used
            assert view.subscription.limits[metric.name] == metric.limit
            included = "used, no limit" if metric.limit == -1 else f"of {metric.included:,}"
            assert f"{metric.display_name} {metric.used:,} {included}" in read

    def test_the_assessed_customer_sees_their_bill(self) -> None:
        """$50, $20 and $50 of overage, and $219 in all, line by line."""
        read = words(STATES["over"])
        assert "Overage so far $120.00" in read
        assert "Projected bill $219.00" in read
        assert "5,000 × $0.01" in read
        assert "15,000 used − 10,000 included = 5,000 × $0.01 $50.00" in read

    def test_the_cap_bounds_the_bill_and_says_that_it_stops_use(self) -> None:
        """$60 of overage and $99; the $60 beyond are kept off."""
        read = words(STATES["capped"])
        assert "At the very most $159.00" in read
        assert "Your spending cap of $60.00 stops use." in read
        assert "Kept off by your spending cap $60.00" in read

    def test_without_a_cap_nothing_bounds_the_bill(self) -> None:
        """It says so, instead of a number that would not hold."""
        assert "At the very most no bound" in words(STATES["over"])

    @pytest.mark.parametrize("name", ["trial", "free"])
    def test_where_use_stops_it_costs_no_more(self, name: str) -> None:
        """In a trial and on the free plan limits are hard."""
        view = STATES[name]
        assert {"stops", "goes_on"} == {each.beyond for each in view.period.metrics}
        assert view.worst == view.subscription.projected_total
        assert f"At the very most {money(view.worst, 'usd')}" in words(view)

    @pytest.mark.parametrize("name", STATES)
    def test_the_facilities_of_a_chart_sum_to_its_total(self, name: str) -> None:
        """Also those that are summed as others, and what named none."""
        for chart in STATES[name].charts:
            assert sum(each.total for each in chart.facilities) == chart.total == sum(chart.by_day)

    @pytest.mark.parametrize(("name", "days"), [("over", 31), ("free", 30)])
    def test_a_chart_goes_to_the_periods_last_day(self, name: str, days: int) -> None:
        """So that a day is as wide at the beginning of a period as at its end."""
        view = STATES[name]
        (width,) = {each["viewbox"] for each in page(view).all("svg") if each.get("class") == "chart"}
        assert f"0 0 {days * 10 - 2} 60" == width

    def test_days_of_another_period_are_said_to_be_among_them(self) -> None:
        """So that nobody wonders where the table's numbers and the chart's do not agree."""
        assert "so the first day may hold what was used before" in words(STATES["ordinary"])
        ended = replace(STATES["free"], past=STATES["ordinary"].past)
        assert (
            "so what was used until Nov 3, 2025, 9:30 AM UTC is among them and counts in the period before"
            in words(ended)
        )

    def test_the_days_of_the_assessed_customer_come_to_what_they_used(self) -> None:
        """Whatever facilities there are."""
        totals = {chart.name: chart.total for chart in STATES["over"].charts}
        assert totals == BUSY
        assert "5 other facilities" in words(STATES["over"])
        assert "Without facility" in words(STATES["over"])

    def test_a_period_is_provisional_until_it_is_closed(self) -> None:
        """Then its figures are final."""
        read = words(STATES["ordinary"])
        assert "Figures are provisional until the period is closed." in read
        assert "· final" in read
        assert "· provisional" in read

    def test_each_number_opens_the_records_behind_it(self) -> None:
        """The address names the metric."""
        links = {each["href"] for each in page(STATES["over"]).all("a")}
        assert {f"dashboard/records?eventType={metric}" for metric in CATALOGUE.metrics} <= links


class TestStates:
    """Each state is said in words."""

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("empty", "Nothing has been counted in this period yet."),
            ("empty", "No day has any usage yet."),
            ("trial", "Trial: 18 days left"),
            ("trial", "nothing is billed in a trial"),
            ("past_due", "Your last payment failed. Your plan stays until Nov 20, 2025, 12:00 PM UTC"),
            ("cancelling", "Your subscription ends Dec 3, 2025, 9:30 AM UTC ."),
            ("cancelling", "Let the subscription go on"),
            ("downgrading", "Your plan changes to Solo Design on Dec 3, 2025, 9:30 AM UTC ."),
            ("cancelled", "Your subscription has ended."),
            ("free", "No subscription"),
            ("free", "A limit is reached: API calls. More is refused"),
            ("free", "No invoices yet."),
            ("stripe_away", "Stripe does not answer just now"),
            ("stripe_away", "Projected bill $219.00"),
        ],
    )
    def test_a_state_is_said(self, name: str, said: str) -> None:
        """So that nobody needs to guess."""
        read = words(STATES[name]).replace(" ,", ",")
        assert said in read

    @pytest.mark.parametrize("name", STATES)
    def test_who_may_not_buy_sees_nothing_that_changes_something(self, name: str) -> None:
        """Only closing the page is left to them."""
        forms = {each["action"] for each in page(STATES[name], MEMBER).all("form")}
        assert {"dashboard/close"} == forms

    @pytest.mark.parametrize("name", STATES)
    def test_each_form_carries_the_token(self, name: str) -> None:
        """As many as there are forms."""
        found = page(STATES[name])
        tokens = [each for each in found.all("input") if each.get("name") == "csrf"]
        assert len(found.all("form")) == len(tokens)
        assert {"c" * 64} == {each["value"] for each in tokens}


class TestSafety:
    """The page loads nothing and runs nothing, whoever wrote what is on it."""

    @pytest.mark.parametrize("name", STATES)
    def test_it_is_small_and_whole(self, name: str) -> None:
        """Under 60 KB, every element closed, no script, no style outside of the one sheet."""
        html = dashboard.dashboard(STATES[name], BUYER)
        found = Elements(html)
        assert len(html.encode()) < MOST_BYTES
        assert ([], []) == (found.mismatched, found.open)
        assert [] == found.all("script") + found.all("img") + found.all("iframe")
        assert [] == [
            (tag, attribute)
            for tag, attributes in found.found
            for attribute in attributes
            if attribute == "style" or attribute.startswith("on")
        ]
        assert f"<style>{STYLE}</style>" in html

    def test_it_stays_small_where_there_is_much(self) -> None:
        """A month of every metric, each day in fifty facilities with long names."""
        used = dict.fromkeys(CATALOGUE.metrics, 987_654_321)
        days = spread(used, [f"{'facility ' * 10}{number}" for number in range(50)])
        html = dashboard.dashboard(shown(using(used), days), BUYER)
        assert len(html.encode()) < MOST_BYTES

    @pytest.mark.parametrize("language", ["en", "de", "my", "mr", "dz"])
    def test_it_stays_small_whatever_things_are_called(self, language: str) -> None:
        """Names of any length in letters of four bytes, 35 days, many facilities, invoices and lines."""
        view = _heaviest()
        html = dashboard.dashboard(view, replace(BUYER, notation=notation(language)), done="plan")
        assert len(html.encode()) < MOST_BYTES
        found = Elements(html)
        assert ([], []) == (found.mismatched, found.open)
        read = re.sub(r"\s+", " ", found.words)
        assert f"1{LEAF * 4}" in read
        assert "…" in read
        totals = {each["aria-label"] for each in found.all("svg") if each.get("class") == "chart"}
        assert len(view.charts) == len(totals)

    def test_what_weighs_little_is_told_whole(self) -> None:
        """Of a name that is long, but not too long; what is longer keeps its beginning and its end."""
        facility = f"{'north' * 12}"
        days = spread(SOME, [facility, f"{facility}!"])
        read = words(shown(using(SOME), days))
        assert f"{facility} " in read
        assert f"{facility[:39]}…{facility[-19:]}!" in read

    @pytest.mark.parametrize("name", STATES)
    def test_everything_has_a_label(self, name: str) -> None:
        """Fields, drawings and regions have names, and tables have headers with a scope."""
        found = page(STATES[name])
        labelled = {each["for"] for each in found.all("label") if "for" in each}
        for field in found.all("input"):
            assert field["type"] in {"hidden", "radio"} or field["id"] in labelled
        for drawing in found.all("svg"):
            assert "aria-label" in drawing or drawing.get("aria-hidden") == "true"
        assert [] == [each for each in found.all("th") if "scope" not in each]
        assert {"lang": "en"} == found.all("html")[0]

    def test_facilities_are_shown_as_text(self) -> None:
        """Whatever a host calls them."""
        html = dashboard.dashboard(
            shown(using(SOME), [FacilityDay(NOW.date(), ATTACK, {"exports": 3})]), BUYER
        )
        assert _is_text_in(html)

    def test_plans_and_metrics_are_shown_as_text(self) -> None:
        """Whatever a deployer calls them, also in attributes and addresses."""
        catalogue = replace(
            CATALOGUE,
            plans={
                name: replace(plan, display_name=f"{plan.display_name}{ATTACK}")
                for name, plan in CATALOGUE.plans.items()
            },
            metrics={
                name: replace(metric, display_name=ATTACK, unit=ATTACK)
                for name, metric in CATALOGUE.metrics.items()
            },
        )
        view = shown(using(BUSY), spread(BUSY), offer=replace(OFFER, catalogue=catalogue))
        assert _is_text_in(dashboard.dashboard(view, BUYER))

    def test_what_stripe_says_is_shown_as_text(self) -> None:
        """Descriptions of lines, and words that it may get tomorrow."""
        user = being(using(SOME), pending_plan=ATTACK)
        assert _is_text_in(dashboard.dashboard(shown(user), BUYER))

    def test_records_are_shown_as_text(self) -> None:
        """Ids, facilities, reasons and data."""
        data = {ATTACK: ATTACK}
        record = RecordView(ATTACK, "exports", 1, "2025-11", NOW, ATTACK, data, reason=ATTACK)
        found = RecordsView([record], None)
        onward, told = Onward("records.csv?", None, is_first=True), Told(NOW, Figures.FINAL)
        days = RecordQuestion(None, span=Span(NOW.date(), NOW.date()), facility_id=ATTACK)
        for question in (days, RecordQuestion(ATTACK, PERIOD.start)):
            assert _is_text_in(dashboard.records(found, question, CATALOGUE, onward, IN_ENGLISH, told))

    def test_nothing_may_load_or_run(self) -> None:
        """The policy lets in the one style sheet, and nobody may frame the page or keep it."""
        assert "default-src 'none'; style-src 'sha256-" in CONTENT_SECURITY_POLICY
        assert "unsafe" not in CONTENT_SECURITY_POLICY
        assert "http" not in CONTENT_SECURITY_POLICY
        assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
        headers = browser_replies.page("", HEADERS)["headers"]
        assert ("no-store", "no-referrer", "nosniff") == (
            headers["Cache-Control"],
            headers["Referrer-Policy"],
            headers["X-Content-Type-Options"],
        )


def _heaviest() -> DashboardView:
    """Return the page of somebody of whom there is as much to tell as can be."""

    def called(number: int) -> str:
        return f"{number}{LEAF * 300}{number}"

    metrics = {
        name: replace(
            each, display_name=called(number), unit=called(number), overage_price=Decimal("1.234567")
        )
        for number, (name, each) in enumerate(CATALOGUE.metrics.items())
    }
    plans = {
        name: replace(each, display_name=called(number), limits=dict.fromkeys(metrics, 10**15))
        for number, (name, each) in enumerate(CATALOGUE.plans.items())
    }
    offer = replace(OFFER, catalogue=replace(CATALOGUE, metrics=metrics, plans=plans))
    used, terms = dict.fromkeys(metrics, 10**15 + 10**9), offer.terms("professional", START)
    period = replace(PERIOD, used=used, terms=terms, spending_cap=10**9)
    user = replace(USER, periods=(period, replace(LAST_MONTH, used=used, terms=terms)))
    user = being(user, pending_plan="starter", status=Status.PAST_DUE, past_due_since=NOW, cancel_at=END)
    view = shown(user, spread(used, [f"{LEAF * 126}{number:02}" for number in range(50)]), offer=offer)
    days = [NOW.date() - timedelta(34 - number) for number in range(35)]
    charts = [
        replace(
            chart,
            facilities=[
                replace(each, by_day=[*each.by_day, *each.by_day, *each.by_day][:35])
                for each in chart.facilities
            ],
        )
        for chart in view.charts
    ]
    made, upcoming = view.bills.invoices[0], shown(using(BUSY)).bills.upcoming
    assert upcoming
    page = f"https://invoice.stripe.com/i/acct_1032D82eZvKYlo2C/live_{'YWNjdF8x' * 16}?s=ap"
    invoices = [replace(made, status="open", hosted_invoice_url=page, invoice_pdf=page)] * 12
    lines = [replace(upcoming.lines[0], description=called(number)) for number in range(200)]
    bills = replace(view.bills, invoices=invoices, has_more=True, upcoming=replace(upcoming, lines=lines))
    return replace(view, days=days, last_day=days[-1], charts=charts, bills=bills)


def _is_text_in(html: str) -> bool:
    found = Elements(html)
    return (
        not found.all("script") + found.all("img")
        and "<script" not in html
        and "&lt;script&gt;" in html
        and "{{7*7}}" in html
    )


def test_a_facility_has_one_colour_on_the_whole_page() -> None:
    """Whatever it used most of; what named no facility has the last."""
    used = {
        "north": {"apiCalls": 9, "exports": 1},
        "south": {"apiCalls": 2, "exports": 5},
        None: {"exports": 3},
    }
    days = [FacilityDay(NOW.date(), facility, of) for facility, of in used.items()]
    view = shown(using({"apiCalls": 11, "exports": 9}), days)
    found = {
        chart.name: dict(
            zip([each.facility_id for each in chart.facilities], colours(chart, view), strict=True)
        )
        for chart in view.charts
    }
    assert {"apiCalls": {"north": 1, "south": 2}, "exports": {"south": 2, "north": 1, None: 6}} == found


def test_no_chart_has_a_colour_twice() -> None:
    """However many facilities there are: the largest of each chart are told apart there."""
    for view in STATES.values():
        for chart in view.charts:
            drawn = colours(chart, view)
            assert len(drawn) == len(set(drawn))
            assert set(drawn) <= set(range(1, 7))
