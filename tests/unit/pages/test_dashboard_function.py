"""/dashboard as browsers meet it: links, cookies and forms, and those who try without."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from functions.dashboard.app import DECIDING, LOOKING, handler
from tests.examples import ENVIRONMENT, NOW, OFFER
from tests.fakes.api_gateway import call, user_claims
from tests.fakes.deciding import Household
from tests.fakes.runtime import FakeContext, FixedClock, forget
from tollkeeper import runtime
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
        (runtime, "table"): lambda: page.home.table,
        (runtime, "users"): lambda: Users(page.home.table),
        (runtime, "offer"): lambda: OFFER,
        (runtime, "stripe_gateway"): lambda **_: page.home.stripe,
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
            r"tollkeeper_page=[\w-]{43}; Path=/dashboard; Max-Age=1800; HttpOnly; SameSite=Lax; Secure",
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
    @pytest.mark.parametrize("secret", [None, "", "A" * 43, "A" * 10_000])
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
        queries = {
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


def test_an_unknown_metrics_records_are_refused(page: Page) -> None:
    """In words, and not as a fault of ours."""
    secret = page.browser()
    for route in ("GET /dashboard/records", "GET /dashboard/records.csv"):
        for query in ({"eventType": "<b>"}, {"cursor": "x"}):
            answer = page.send(route, secret, query=query)
            assert (422, False) == (answer["statusCode"], "<b>" in answer["body"].partition("</h1>")[2])
