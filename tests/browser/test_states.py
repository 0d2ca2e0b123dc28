"""The usage page in every state that a customer can be in."""

from collections.abc import Mapping

import pytest
from playwright.sync_api import Page, expect

from infra.local.customer import GOOD_CARD
from infra.local.places import Home, Stack
from infra.local.product.back_end import metrics
from tests.browser import people
from tests.browser.inspecting import inspect
from tests.browser.people import STATES, Expected
from tests.browser.usage_page import compare_with_api, open_usage_page, region
from tests.e2e.callers import Callers


@pytest.fixture(scope="module")
def users(home: Home, stack: Stack, callers: Callers) -> Mapping[str, str]:
    """Whom to look at for each state."""
    return people.live(home, stack, callers)


@pytest.mark.parametrize("expected", STATES, ids=[each.state for each in STATES])
def test_each_state_looks_right_and_says_what_the_api_says(
    page: Page, stack: Stack, callers: Callers, users: Mapping[str, str], expected: Expected
) -> None:
    """On a desktop and a phone, light and dark: nothing overflows, all can read it, every figure is right."""
    user = users[expected.state]
    open_usage_page(page, stack, user)
    expect(page.locator("body")).to_contain_text(expected.words)
    compare_with_api(page, callers, user, metrics())
    inspect(page, f"usage {expected.state}")


def test_the_records_behind_a_number_are_shown(page: Page, stack: Stack, users: Mapping[str, str]) -> None:
    """The number is a link; the rows behind it can be taken along as CSV."""
    open_usage_page(page, stack, users["over the limit"])
    region(page, "Usage in this period").get_by_role("link", name="AI queries used").click()
    expect(page.get_by_role("heading", name="Records: AI queries")).to_be_visible()
    inspect(page, "records")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = download.value.path().read_text().splitlines()
    assert (True, "aiQueries" in rows[1]) == (len(rows) > 1, True)


def test_what_is_past_due_is_paid_by_hand(
    page: Page, stack: Stack, callers: Callers, users: Mapping[str, str]
) -> None:
    """The page leads to the open invoice; paid there, the plan is active again."""
    user = users["past due"]
    open_usage_page(page, stack, user)
    region(page, "Invoices").get_by_role("link").first.click()
    page.get_by_label("Card number").fill(GOOD_CARD)
    inspect(page, "invoice to pay")
    page.get_by_role("button", name="Pay $99.00").click()
    expect(page.get_by_text("paid", exact=True)).to_be_visible()
    inspect(page, "invoice paid")
    page.wait_for_timeout(500)
    open_usage_page(page, stack, user)
    expect(page.get_by_text("Your last payment failed")).to_have_count(0)
    assert "active" == callers.user(user).get("/subscription").json()["status"]
