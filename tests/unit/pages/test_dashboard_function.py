"""/dashboard as browsers come to it: links and cookies, and those who try without."""

import re
from datetime import timedelta
from typing import Any

import pytest

from functions.dashboard.app import LOOKING, handler
from tests.fakes.api_gateway import call
from tests.unit.pages.browser import FORMS, Page
from tollkeeper.settings import Stage


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

    @pytest.mark.parametrize("user", ["u", "user#1", "org|a.b=c;d e", "\N{SNOWMAN}" * 85, "x" * 256])
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


def test_an_unknown_metrics_records_are_refused(page: Page) -> None:
    """In words, and not as a fault of ours."""
    secret = page.browser()
    for route in ("GET /dashboard/records", "GET /dashboard/records.csv"):
        for query in ({"eventType": "<b>"}, {"cursor": "x"}):
            answer = page.send(route, secret, query=query)
            assert (422, False) == (answer["statusCode"], "<b>" in answer["body"].partition("</h1>")[2])
