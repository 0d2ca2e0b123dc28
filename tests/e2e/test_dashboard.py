"""The usage page of the deployed stack: a link, the page, and what is decided on it."""

import re
import uuid

import pytest

from infra.local.customer import Customer
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers, soon
from tests.e2e.pages import enter, field, link


@pytest.fixture(scope="module")
def subscriber(home: Home, stack: Stack) -> str:
    """Somebody who has just subscribed."""
    customer = Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")
    customer.buy("professional")
    customer.once("trialing")
    return customer.user_id


def test_a_customer_sees_and_caps_what_they_use(callers: Callers, subscriber: str) -> None:
    """A link leads to the page, whose figures are the API's; a cap that is set there holds."""
    used = callers.consume(subscriber, "exports", f"page-{subscriber}", 7)
    assert 200 == used.status_code, used.text
    browser = callers.bearing(None)
    entered = enter(browser, link(callers, subscriber))
    assert (303, "dashboard") == (entered.status_code, entered.headers["location"])
    page = browser.get("/dashboard")
    api = callers.user(subscriber).get("/subscription").json()
    assert (200, 7) == (page.status_code, api["usage"]["exports"])
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert re.search(r"Exports</th>.*?>7</a>\s*of 500", page.text, re.DOTALL)
    form = {"csrf": field(page.text, "csrf"), "key": field(page.text, "key"), "amount": "12.50"}
    capped = browser.post("/dashboard/cap", data=form)
    assert (303, "../dashboard?done=cap") == (capped.status_code, capped.headers["location"])
    found = soon(
        lambda: callers.user(subscriber).get("/subscription").json(), lambda each: each["spendingCap"]
    )
    assert 1_250 == found["spendingCap"]
    rows = browser.get("/dashboard/records.csv", params={"eventType": "exports"})
    assert (200, True) == (rows.status_code, f"page-{subscriber},exports,7" in rows.text)


def test_a_plan_is_changed_on_the_page(callers: Callers, subscriber: str) -> None:
    """It is looked at, made, and shown; then the subscription is cancelled and goes on again."""
    browser = callers.bearing(None)
    enter(browser, link(callers, subscriber))
    preview = browser.get("/dashboard/plan", params={"to": "enterprise"})
    assert (200, True) == (preview.status_code, "To pay today" in preview.text)
    form = {each: field(preview.text, each) for each in ("csrf", "key")}
    assert 303 == browser.post("/dashboard/plan", data={**form, "plan": "enterprise"}).status_code
    assert "enterprise" == callers.user(subscriber).get("/subscription").json()["plan"]
    assert 303 == browser.post("/dashboard/cancel", data={**form, "at": "period_end"}).status_code
    assert "Your subscription ends" in browser.get("/dashboard").text
    assert 303 == browser.post("/dashboard/resume", data=form).status_code
    assert "Your subscription ends" not in browser.get("/dashboard").text
    portal = browser.post("/dashboard/portal", data=form)
    assert (200, True) == (portal.status_code, portal.headers["refresh"].startswith("0; url=http"))


def test_nobody_comes_in_by_what_is_used_or_made_up(callers: Callers, subscriber: str) -> None:
    """A link a second time, a cookie of nobody's, a form without its token, a page that was closed."""
    browser, secret = callers.bearing(None), link(callers, subscriber)
    assert [303, 401] == [enter(each, secret).status_code for each in (browser, callers.bearing(None))]
    stranger = callers.bearing(None)
    stranger.headers["cookie"] = f"tollkeeper_page={'A' * 43}"
    assert 401 == stranger.get("/dashboard").status_code
    assert 403 == browser.post("/dashboard/cap", data={"amount": "1"}).status_code
    csrf = field(browser.get("/dashboard").text, "csrf")
    assert 200 == browser.post("/dashboard/close", data={"csrf": csrf}).status_code
    assert 401 == browser.get("/dashboard").status_code
