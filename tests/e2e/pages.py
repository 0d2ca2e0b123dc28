"""The usage page of the stack under test, as a customer's browser has it."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.e2e.callers import Callers


def link(callers: Callers, user_id: str) -> str:
    """Return the secret of a link to a user's page."""
    answer = callers.user(user_id).post("/dashboard-link")
    assert 201 == answer.status_code, answer.text
    return str(parse_qs(urlsplit(answer.json()["url"]).query)["link"][0])


def enter(browser: httpx.Client, secret: str) -> httpx.Response:
    """Open a link, and keep the cookie as a browser does at the page's own host."""
    answer = browser.get("/dashboard", params={"link": secret})
    if "set-cookie" in answer.headers:
        browser.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
    return answer


def field(page: str, name: str) -> str:
    """Return what a hidden field of a page's forms says."""
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found, page
    return found[1]
