"""/dashboard as browsers meet it: links, cookies and forms, and those who try without."""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from functions.dashboard.app import DECIDING, LOOKING, handler
from tests.examples import ENVIRONMENT, NOW, OFFER
from tests.fakes.api_gateway import call, user_claims
from tests.fakes.deciding import Household
from tests.fakes.runtime import FakeContext, FixedClock, forget
from tests.ledger.crashes import CrashingTable, Outside, Through
from tollkeeper import runtime
from tollkeeper.ledger.answer_rows import Answer
from tollkeeper.ledger.stripe_answers import StripeAnswers
from tollkeeper.ledger.users import Users
from tollkeeper.runtime import dashboard, subscriptions
from tollkeeper.settings import Settings, Stage

OTHERS = "dashboard/close"
FORMS = [*DECIDING, "POST /dashboard/close"]


@dataclass
class Page:
    """A deployment with its page, and what stands outside of it."""

    home: Household = field(default_factory=Household)
    wall: datetime = NOW
    claim: str | None = None
    stage: Stage = Stage.PROD

    def __post_init__(self) -> None:
        self.outside = Outside()
        self.reached: Callable[[], object] = lambda: self.home.stripe

    def table(self) -> CrashingTable:
        """Return the table, each request to which is noted."""
        return CrashingTable(self.home.table, self.outside)

    def link(self, user: str = "ada", **claims: str) -> str:
        """Return the secret of a link that a user's token was given."""
        answer = call(handler, "POST", "/dashboard-link", claims={**user_claims(user), **claims})
        assert 201 == answer.status
        return str(parse_qs(urlsplit(answer.body["url"]).query)["link"][0])

    def enter(self, link: str) -> tuple[int, str]:
        """Open a link; return the status, and the cookie that the browser got."""
        answer = self.send("GET /dashboard", query={"link": link})
        return answer["statusCode"], next(iter(answer.get("cookies", [])), "")

    def browser(self, user: str = "ada", **claims: str) -> str:
        """Return the secret of a browser that came by a link."""
        status, cookie = self.enter(self.link(user, **claims))
        assert 303 == status
        return cookie.partition("=")[2].partition(";")[0]

    def send(
        self,
        route: str,
        secret: str | None = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send what a browser sends."""
        method, path = route.split(" ")
        event = {
            "routeKey": route,
            "rawPath": path,
            "headers": headers or {},
            "cookies": [] if secret is None else ["theme=dark", f"tollkeeper_page={secret}"],
            "queryStringParameters": dict(query or {}),
            "requestContext": {"domainName": "api.test", "http": {"method": method, "path": path}},
            "body": b64encode(urlencode(form).encode()).decode() if form else None,
            "isBase64Encoded": bool(form),
        }
        return handler(event, FakeContext())

    def csrf(self, secret: str) -> str:
        """Return the token that a browser's page carries."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.send("GET /dashboard", secret)["body"])
        assert found
        return found[1]

    def count_questions(self) -> Counter[str]:
        """Return how often Stripe is asked what from now on."""
        asked: Counter[str] = Counter()

        @contextmanager
        def noted(call: str) -> Iterator[None]:
            asked[call.split(maxsplit=1)[0]] += 1
            yield

        self.reached = lambda: Through(self.home.stripe, noted)
        return asked

    def submit(self, route: str, secret: str, **form: str) -> dict[str, Any]:
        """Send a form of the browser's own page."""
        return self.send(route, secret, {"csrf": self.csrf(secret), **form})


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Ada's page."""
    page = Page()
    settings = Settings.from_environment({**ENVIRONMENT, "BILLING_CLAIM": ""})
    outside = {
        (runtime, "settings"): lambda: replace(settings, billing_claim=page.claim, stage=page.stage),
        (runtime, "clock"): lambda: FixedClock(page.home.now),
        (runtime, "table"): page.table,
        (runtime, "users"): lambda: Users(runtime.table()),
        (runtime, "offer"): lambda: OFFER,
        (runtime, "stripe_gateway"): lambda **_: page.reached(),
        (dashboard, "wall_clock"): lambda: FixedClock(page.wall),
        (subscriptions, "plan_changes"): lambda: page.home.desk().plans,
        (subscriptions, "cancellations"): lambda: page.home.desk().ends,
    }
    for (module, name), part in outside.items():
        monkeypatch.setattr(module, name, part)
    forget()
    yield page
    forget()


class TestLinks:
    """A link lets one browser in, once and soon."""

    def test_a_link_leads_to_the_page(self, page: Page) -> None:
        """By a cookie, and an address without the link."""
        answer = page.send("GET /dashboard", query={"link": page.link()})
        assert (303, "dashboard") == (answer["statusCode"], answer["headers"]["Location"])
        (cookie,) = answer["cookies"]
        assert re.fullmatch(
            r"tollkeeper_page=[\w-]{43}\.YWRh; Path=/dashboard; Max-Age=1800; HttpOnly; SameSite=Lax; Secure",
            cookie,
        )
        shown = page.send("GET /dashboard", cookie.partition("=")[2].partition(";")[0])
        assert (200, True) == (shown["statusCode"], "Professional" in shown["body"])

    def test_it_is_good_once(self, page: Page) -> None:
        """The second browser is let in nowhere."""
        link = page.link()
        assert [303, 401] == [page.enter(link)[0] for _ in range(2)]

    @pytest.mark.parametrize(
        ("after", "status"), [(timedelta(minutes=5, seconds=-1), 303), (timedelta(minutes=5), 401)]
    )
    def test_it_is_good_for_five_minutes(self, page: Page, after: timedelta, status: int) -> None:
        """By the wall clock."""
        link = page.link()
        page.wall += after
        assert status == page.enter(link)[0]

    @pytest.mark.parametrize("link", ["", "x", "A" * 43, "A" * 10_000, "\ud800", "../ada"])
    def test_nobody_guesses_one(self, page: Page, link: str) -> None:
        """Whatever they try."""
        assert (401, "") == page.enter(link)

    def test_a_session_is_no_link_and_a_link_no_session(self, page: Page) -> None:
        """Each opens its own door alone."""
        link, secret = page.link(), page.browser()
        assert 401 == page.enter(secret)[0]
        assert 401 == page.send("GET /dashboard", link)["statusCode"]

    def test_no_secret_stands_in_the_table(self, page: Page) -> None:
        """Who reads it cannot come in."""
        link, secret = page.link(), page.browser()
        written = repr(page.home.table.rows)
        assert (False, False) == (link in written, secret in written)

    def test_what_is_over_goes_by_itself(self, page: Page) -> None:
        """Rows of links and sessions have a time to live."""
        page.browser()
        rows = [row for key, row in page.home.table.rows.items() if key.pk.startswith(("LINK", "SESSION"))]
        assert (2, True) == (len(rows), all("expiresAt" in row for row in rows))

    def test_the_local_stage_speaks_http_on_its_port(self, page: Page) -> None:
        """There the cookie is not for secure connections alone."""
        page.stage = Stage.LOCAL

        def on_a_port(event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401 - Lambda's
            return handler({**event, "headers": {**event["headers"], "host": "127.0.0.1:4566"}}, context)

        url = call(on_a_port, "POST", "/dashboard-link").body["url"]
        assert url.startswith("http://api.test:4566/dashboard?link=")
        assert not page.enter(page.link())[1].endswith("Secure")


class TestSessions:
    """A cookie lets in one user, for half an hour."""

    @pytest.mark.parametrize("route", [*LOOKING, *FORMS])
    @pytest.mark.parametrize(
        "secret", [None, "", "A" * 43, "A" * 10_000, f"{'A' * 43}.YWRh", f"{'A' * 43}.{'YWRh' * 2_000}"]
    )
    def test_without_a_cookie_of_ours_nobody_comes_in(
        self, page: Page, route: str, secret: str | None
    ) -> None:
        """401 on every route, and nothing of anybody is said."""
        answer = page.send(route, secret, {"csrf": "x"})
        assert (401, False) == (answer["statusCode"], "Professional" in answer["body"])

    @pytest.mark.parametrize(
        ("after", "status"), [(timedelta(minutes=30, seconds=-1), 200), (timedelta(minutes=30), 401)]
    )
    def test_it_is_over_after_half_an_hour(self, page: Page, after: timedelta, status: int) -> None:
        """However busy it was."""
        secret = page.browser()
        page.wall += after
        assert status == page.send("GET /dashboard", secret)["statusCode"]

    def test_it_can_be_ended(self, page: Page) -> None:
        """The cookie goes, and who kept its secret is not let in."""
        secret = page.browser()
        answer = page.submit("POST /dashboard/close", secret)
        assert "tollkeeper_page=; Path=/dashboard; Max-Age=0" in answer["cookies"][0]
        assert 401 == page.send("GET /dashboard", secret)["statusCode"]

    @pytest.mark.parametrize("route", [*LOOKING, *FORMS])
    @pytest.mark.parametrize(
        "named", ["Ym9i", "", None, "YWRh.YWRh", "=", "_w", "\N{SNOWMAN}", "YWRh" * 1_000]
    )
    def test_a_cookie_lets_in_nobody_but_its_own_user(
        self, page: Page, route: str, named: str | None
    ) -> None:
        """One's own secret with another's name, or with none as of an older release, is no cookie of ours."""
        page.browser("bob")
        secret, _, own = page.browser().partition(".")
        assert "YWRh" == own
        forged = secret if named is None else f"{secret}.{named}"
        answer = page.send(route, forged, {"csrf": page.csrf(f"{secret}.{own}")})
        assert (401, False) == (answer["statusCode"], "subscription" in answer["body"])
        assert "Open it again from where you came." in answer["body"]

    def test_anothers_secret_shows_what_is_anothers_to_no_name(self, page: Page) -> None:
        """Nor does Bob's secret with Ada's name open either page; his own opens his."""
        page.browser()
        secret, _, own = page.browser("bob").partition(".")
        assert 401 == page.send("GET /dashboard", f"{secret}.YWRh")["statusCode"]
        assert "No subscription" in page.send("GET /dashboard", f"{secret}.{own}")["body"]

    @pytest.mark.parametrize("user", ["user#1", "org|a.b=c;d e", "\N{SNOWMAN}" * 85, "x" * 256])
    def test_any_user_has_a_cookie(self, page: Page, user: str) -> None:
        """Whatever letters their id has."""
        assert "No subscription" in page.send("GET /dashboard", page.browser(user))["body"]

    def test_it_shows_its_own_user(self, page: Page) -> None:
        """Bob's shows nothing of Ada's, whatever he asks for."""
        bob = page.browser("bob")
        for route in LOOKING:
            answer = page.send(route, bob, query={"userId": "ada", "eventType": "exports"})
            assert "TEST-" not in answer["body"]
            assert "cus_ada" not in answer["body"]
        assert "No subscription" in page.send("GET /dashboard", bob)["body"]

    def test_a_cookie_is_read_from_a_header_too(self, page: Page) -> None:
        """Where no gateway has taken it apart."""
        headers = {"cookie": f"a=b; tollkeeper_page={page.browser()}"}
        assert 200 == page.send("GET /dashboard", headers=headers)["statusCode"]

    @pytest.mark.parametrize("route", LOOKING)
    def test_no_answer_is_kept(self, page: Page, route: str) -> None:
        """Neither by the browser nor by anything between."""
        page.home.stripe.bill(page.home.stripe.held[0], 1, 99_00)
        page.home.stripe.bill(page.home.stripe.held[0], 2, 99_00)
        queries = {
            "GET /dashboard/invoices": {"after": "in_shown_2"},
            "GET /dashboard/plan": {"to": "enterprise"},
            "GET /dashboard/explain": {"invoice": "in_shown_1"},
        }
        answer = page.send(route, page.browser(), query=queries.get(route))
        assert (200, "no-store", "no-referrer") == (
            answer["statusCode"],
            answer["headers"]["Cache-Control"],
            answer["headers"]["Referrer-Policy"],
        )


class TestForms:
    """What changes something comes from the browser's own page, and from those who may buy."""

    @pytest.mark.parametrize("route", FORMS)
    @pytest.mark.parametrize("forged", ["missing", "empty", "made up", "another session's"])
    def test_a_form_without_the_pages_token_does_nothing(self, page: Page, route: str, forged: str) -> None:
        """403, and the session goes on."""
        secret = page.browser()
        token = {"empty": "", "made up": "c" * 64, "another session's": page.csrf(page.browser())}
        form = {"amount": "5", "plan": "enterprise", "at": "now"}
        if forged != "missing":
            form["csrf"] = token[forged]
        before = page.home.user
        assert 403 == page.send(route, secret, form)["statusCode"]
        assert (before, 200) == (page.home.user, page.send("GET /dashboard", secret)["statusCode"])

    @pytest.mark.parametrize("route", FORMS)
    def test_a_form_of_a_foreign_page_does_nothing(self, page: Page, route: str) -> None:
        """Even if it knew the token."""
        secret = page.browser()
        form, headers = {"csrf": page.csrf(secret), "amount": "5"}, {"origin": "https://evil.test"}
        assert 403 == page.send(route, secret, form, headers=headers)["statusCode"]

    @pytest.mark.parametrize("route", [*DECIDING, "GET /dashboard/plan"])
    def test_who_may_not_buy_decides_nothing(self, page: Page, route: str) -> None:
        """By the right of the token that asked for the link; the page itself is theirs to see."""
        page.claim = "org_role=admin"
        secret = page.browser(org_role="member")
        form = {"amount": "5", "plan": "enterprise", "at": "now"}
        before = page.home.user
        looks = route.startswith("GET")
        answer = (
            page.send(route, secret, query={"to": "enterprise"})
            if looks
            else page.submit(route, secret, **form)
        )
        assert (403, before) == (answer["statusCode"], page.home.user)
        assert "dashboard/cap" not in page.send("GET /dashboard", secret)["body"]

    def test_who_may_buy_decides(self, page: Page) -> None:
        """Where the deployment asks for a claim, and the token had it."""
        page.claim = "org_role=admin"
        answer = page.submit("POST /dashboard/cap", page.browser(org_role="admin"), amount="49.90")
        assert (303, "../dashboard?done=cap", 4_990) == (
            answer["statusCode"],
            answer["headers"]["Location"],
            page.home.user.spending_cap,
        )

    def test_an_empty_cap_is_none(self, page: Page) -> None:
        """It takes the cap away."""
        secret = page.browser()
        page.submit("POST /dashboard/cap", secret, amount="$1,250")
        assert 125_000 == page.home.user.spending_cap
        page.submit("POST /dashboard/cap", secret, amount=" ")
        assert page.home.user.spending_cap is None

    @pytest.mark.parametrize("amount", ["-1", "NaN", "1e99", "0.001", "five", "Infinity", "10000000.01"])
    def test_what_is_no_amount_is_no_cap(self, page: Page, amount: str) -> None:
        """The page says what to write."""
        answer = page.submit("POST /dashboard/cap", page.browser(), amount=amount)
        assert (422, None) == (answer["statusCode"], page.home.user.spending_cap)

    def test_an_upgrade_is_looked_at_and_made(self, page: Page) -> None:
        """What is paid today, from when it holds; sent twice it is done once."""
        secret = page.browser()
        preview = page.send("GET /dashboard/plan", secret, query={"to": "enterprise"})
        assert (200, True) == (preview["statusCode"], "To pay today" in preview["body"])
        for _ in range(2):
            answer = page.submit("POST /dashboard/plan", secret, plan="enterprise", key="once")
            assert "../dashboard?done=plan" == answer["headers"]["Location"]
        assert ["enterprise"] == page.home.stripe.wallet.attempts

    def test_a_downgrade_comes_later_and_can_be_taken_back(self, page: Page) -> None:
        """The page says so."""
        secret = page.browser()
        answer = page.submit("POST /dashboard/plan", secret, plan="starter")
        assert "../dashboard?done=later" == answer["headers"]["Location"]
        assert "Your plan changes to Solo Design" in page.send("GET /dashboard", secret)["body"]
        page.submit("POST /dashboard/plan", secret, plan="professional")
        assert "Your plan changes to" not in page.send("GET /dashboard", secret)["body"]

    def test_cancelling_and_resuming(self, page: Page) -> None:
        """Each is said on the page, which asks Stripe anew."""
        secret = page.browser()
        page.submit("POST /dashboard/cancel", secret, at="period_end")
        assert "Your subscription ends" in page.send("GET /dashboard", secret)["body"]
        page.submit("POST /dashboard/resume", secret)
        assert "Your subscription ends" not in page.send("GET /dashboard", secret)["body"]

    def test_an_ending_that_there_is_not_is_refused(self, page: Page) -> None:
        """Nothing is cancelled."""
        answer = page.submit("POST /dashboard/cancel", page.browser(), at="yesterday")
        assert (422, None) == (answer["statusCode"], page.home.user.decision)

    def test_the_portal_leads_back_to_the_page(self, page: Page) -> None:
        """Whose address is the deployment's own."""
        answer = page.submit("POST /dashboard/portal", page.browser())
        assert (200, "0; url=https://portal.test/1") == (answer["statusCode"], answer["headers"]["Refresh"])
        assert [("cus_ada", "https://api.test/dashboard", None)] == page.home.stripe.portals

    def test_what_does_not_work_is_said_in_words(self, page: Page) -> None:
        """With the API's status and sentence."""
        answer = page.submit("POST /dashboard/plan", page.browser(), plan="professional")
        assert (409, True) == (answer["statusCode"], "You have this plan already." in answer["body"])

    def test_while_stripe_is_away_the_page_is_there(self, page: Page) -> None:
        """Without what is Stripe's."""
        page.home.stripe.is_down = True
        answer = page.send("GET /dashboard", page.browser())
        assert (200, True) == (answer["statusCode"], "Stripe does not answer just now" in answer["body"])


class TestCosts:
    """What a look at the page takes of the table and of Stripe."""

    CHART = ("query PERIOD…PERIOD#2025-11-15U", "query DAY…DAY#2025-11-15$")

    def test_a_page_is_one_read_and_what_its_chart_needs(self, page: Page) -> None:
        """Session, user and what Stripe said by one request; no write until Stripe may be asked again."""
        secret, write = page.browser(), "transact 0 puts, 1 changes"
        assert ["get_all", *self.CHART, write, write] == self._load(page, secret)
        assert ["get_all", *self.CHART] == self._load(page, secret)
        page.wall += timedelta(seconds=60)
        assert ["get_all", *self.CHART, write, write] == self._load(page, secret)

    def test_stripe_is_asked_once_a_minute_by_all_browsers_and_instances(self, page: Page) -> None:
        """For the list and the bill to come, one call each; each instance begins with an empty memory."""
        asked = page.count_questions()
        for second in range(0, 125, 5):
            page.wall = NOW + timedelta(seconds=second)
            dashboard.remembered.cache_clear()
            page.send("GET /dashboard", page.browser())
        assert {"invoices_of": 3, "upcoming_invoice": 3} == asked

    def test_a_page_shows_what_is_known_while_another_asks(self, page: Page) -> None:
        """First nothing, and it says when to come back; a minute later what was said, as of then."""
        secret = page.browser()
        claimed = StripeAnswers(page.home.table).claim("ada", Answer(), dashboard.passing()())
        assert claimed
        read = page.send("GET /dashboard", secret)["body"]
        assert "Your invoices could not be shown right now" in read
        assert "Stripe does not answer" not in read
        page.wall += timedelta(seconds=60)
        assert "could not be shown" not in page.send("GET /dashboard", secret)["body"]

    def test_older_invoices_are_asked_for_by_a_click_alone(self, page: Page) -> None:
        """Twelve at a time, each with its explanation; as a click that is not without end."""
        stripe = page.home.stripe
        for number in range(30):
            stripe.bill(stripe.held[0], number, 99_00 + number)
        asked, secret = page.count_questions(), page.browser()
        seen, address = [], "dashboard"
        while address:
            read = self._open(page, secret, address)["body"]
            seen += re.findall(r">(TEST-\d{4})<", read)
            found = re.search(r'href="(?:dashboard/)?(invoices\?after=\w+)">Older invoices', read)
            address = f"dashboard/{found[1]}" if found else ""
        assert [f"TEST-{number:04}" for number in reversed(range(30))] == seen
        assert {"invoices_of": 3, "upcoming_invoice": 1} == asked
        (explain,) = re.findall(r'href="(explain\?invoice=in_shown_0&amp;after=\w+)"', read)
        assert "TEST-0000, explained" in self._open(page, secret, f"dashboard/{unescape(explain)}")["body"]

    def test_who_clicks_without_end_is_asked_to_wait(self, page: Page) -> None:
        """A dozen invoices within a minute are too many, whatever instance answers; the page goes on."""
        stripe = page.home.stripe
        for number in range(13):
            stripe.bill(stripe.held[0], number, 99_00)
        secret, answers = page.browser(), []
        for number in range(1, 13):
            dashboard.remembered.cache_clear()
            answers.append(self._open(page, secret, f"dashboard/explain?invoice=in_shown_{number}"))
        assert [200] * 10 + [429] * 2 == [each["statusCode"] for each in answers]
        assert "Wait a minute" in answers[-1]["body"]
        assert 200 == page.send("GET /dashboard", secret)["statusCode"]
        page.wall += timedelta(seconds=60)
        assert 200 == self._open(page, secret, "dashboard/explain?invoice=in_shown_12")["statusCode"]

    @pytest.mark.parametrize("after", ["", "in_none", "<b>", "in_shown_1/../x", "sub_1", "in_" + "x" * 300])
    def test_what_is_not_on_ones_list_leads_nowhere(self, page: Page, after: str) -> None:
        """422 where a list should go on after it, also if it is somebody else's."""
        stripe = page.home.stripe
        stripe.bill(replace(stripe.held[0], customer_id="cus_bob"), 1, 99_00)
        for route in ("invoices?after=", "explain?invoice=in_shown_1&after="):
            answer = self._open(page, page.browser(), f"dashboard/{route}{after}")
            assert answer["statusCode"] in ({404} if not after and "explain" in route else {422})

    def _open(self, page: Page, secret: str, address: str) -> dict[str, Any]:
        path, _, asked = address.partition("?")
        return page.send(f"GET /{path}", secret, query=dict(parse_qsl(asked)))

    def _load(self, page: Page, secret: str) -> list[str]:
        """Load the page, and return the requests to the table that it took."""
        before = len(page.outside.calls)
        assert 200 == page.send("GET /dashboard", secret)["statusCode"]
        return page.outside.calls[before:]


def test_an_unknown_metrics_records_are_refused(page: Page) -> None:
    """In words, and not as a fault of ours."""
    secret = page.browser()
    for route in ("GET /dashboard/records", "GET /dashboard/records.csv"):
        for query in ({"eventType": "<b>"}, {"cursor": "x"}):
            answer = page.send(route, secret, query=query)
            assert (422, False) == (answer["statusCode"], "<b>" in answer["body"].partition("</h1>")[2])
