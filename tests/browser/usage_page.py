"""The usage page as a reader finds things on it, and the figures that the API says should be there."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from playwright.sync_api import Locator, Page

from infra.local.places import Stack
from infra.local.product.pages import START
from tests.e2e.callers import Callers

type Json = Mapping[str, Any]

UNLIMITED = -1


def open_usage_page(page: Page, stack: Stack, user: str) -> None:
    """Come to the page as customers do: from the product, by its button."""
    page.goto(f"{stack.stripe}{START}/{user}")
    page.get_by_role("button", name="Open usage and billing").click()
    page.get_by_role("heading", name="Usage in this period").wait_for()


def compare_with_api(page: Page, callers: Callers, user: str, display_names: Mapping[str, str]) -> None:
    """See that each figure on the page is the API's, to the unit and to the cent."""
    client = callers.user(user)
    says: Json = client.get("/subscription").json()
    upcoming: Json = client.get("/invoices/upcoming").json()
    cap = says["spendingCap"]
    over = sum(each["amount"] for each in says["overage"].values())
    assert dollars(upcoming.get("overage", over)) == summary(page, "Overage so far")
    assert dollars(upcoming.get("total", says["projectedTotal"])) == summary(page, "Projected bill")
    assert ("none" if cap is None else dollars(cap)) == summary(page, "Spending cap")
    for metric, name in display_names.items():
        assert _row_by_api(says, metric) == _row(page, name), name
    invoices = client.get("/invoices").json()["invoices"]
    assert [(each["number"], dollars(each["total"])) for each in invoices] == _invoices(page)
    _compare_charts(page, callers, user, display_names)


def dollars(cents: int) -> str:
    """Return an amount as Americans write it."""
    return f"{'-' if cents < 0 else ''}${abs(cents) / 100:,.2f}"


def summary(page: Page, title: str) -> str:
    """Return one of the figures at the top."""
    term = page.locator("dl div").filter(has=page.get_by_text(title, exact=True)).first
    return str(term.locator("b").inner_text())


def region(page: Page, name: str) -> Locator:
    """Return one of the page's parts."""
    return page.get_by_role("region", name=name, exact=True)


class Row(NamedTuple):
    """What is used of a metric, of how much, and what it is over: units, and cents whether billed or not."""

    used: int
    included: str
    over: int
    cents: int


def _row(page: Page, name: str) -> Row:
    head = page.get_by_role("rowheader", name=name, exact=True)
    row = region(page, "Usage in this period").get_by_role("row").filter(has=head)
    used, *_, overage, _resets = row.get_by_role("cell").all_inner_texts()
    included = re.search(r"of ([\d,]+)", used)
    over = re.search(r"([\d,]+) × ", overage)
    _price, *amounts = re.findall(r"\$([\d,.]+)", overage) or ["0"]
    return Row(
        _number(used.split()[0]),
        included[1] if included else "no limit",
        _number(over[1]) if over else 0,
        sum(_number(each.replace(".", "")) for each in amounts),
    )


def _row_by_api(says: Json, metric: str) -> Row:
    limit, overage = says["limits"][metric], says["overage"].get(metric, {"quantity": 0, "amount": 0})
    included = "no limit" if limit == UNLIMITED else f"{limit:,}"
    return Row(says["usage"][metric], included, overage["quantity"], overage["amount"])


def _invoices(page: Page) -> list[tuple[str, str]]:
    rows = region(page, "Invoices").get_by_role("row").all()
    return [
        (row.get_by_role("link").first.inner_text(), row.get_by_role("cell").last.inner_text().split("\n")[0])
        for row in rows[1:]
    ]


def _compare_charts(page: Page, callers: Callers, user: str, display_names: Mapping[str, str]) -> None:
    """See that each chart's facilities sum to its total, and that it is what the API says of its days."""
    figures = region(page, "Day by day").get_by_role("figure").all()
    if not figures:
        return
    says = callers.user(user).get("/subscription").json()
    asked = {"from": says["currentPeriodStart"][:10], "to": f"{callers.now():%Y-%m-%d}", "granularity": "day"}
    used = callers.user(user).get("/usage", params=asked).json()["total"]
    shown = {}
    for figure in figures:
        *parts, total = [
            _number(each.split()[-1]) for each in figure.get_by_role("listitem").all_inner_texts()
        ]
        assert sum(parts) == total
        shown[figure.get_by_role("heading").inner_text()] = total
    assert {display_names[metric]: count for metric, count in used.items() if count} == shown


def _number(text: str) -> int:
    return int(text.replace(",", ""))
