"""What forms of the page decide, and those that are not the page's."""

import pytest

from functions.dashboard.app import DECIDING
from tests.unit.pages.browser import FORMS, Page


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
