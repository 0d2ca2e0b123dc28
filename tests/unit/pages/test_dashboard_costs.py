"""What a look at the page takes of the table and of Stripe."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.examples import NOW
from tests.unit.pages.browser import Page
from tollkeeper.ledger.answer_rows import Answer
from tollkeeper.ledger.stripe_answers import StripeAnswers
from tollkeeper.runtime import dashboard


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
