"""The books of the soak find what differs; that they find nothing there is worth as much as this."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from stripe import Invoice

from tests.e2e.soak_books import Account, Books

START = datetime(2026, 1, 12, 9, 0, 5, tzinfo=UTC)
END = START + timedelta(days=31)
ACCOUNT = Account("cus_1", "professional", START)
NAMES = {"prod_plan": "Professional", "prod_calls": "API calls over the limit"}


def invoice(over: int, status: str = "paid") -> Invoice:
    """Return a renewal's invoice that charges so many calls."""

    def line(product: str, quantity: int) -> dict[str, Any]:
        return {"quantity": quantity, "pricing": {"price_details": {"product": product}}}

    lines = [line("prod_plan", 1), *([line("prod_calls", over)] if over else [])]
    bounds = {"period_start": int(START.timestamp()), "period_end": int(END.timestamp())}
    return Invoice.construct_from({"status": status, "lines": {"data": lines}, **bounds}, key=None)


@pytest.mark.parametrize(
    ("charged", "status", "drift"),
    [(5, "paid", 0), (6, "paid", 1), (0, "paid", 5), (10, "paid", 5), (5, "draft", 1)],
)
def test_an_invoice_that_is_off_is_drift(charged: int, status: str, drift: int) -> None:
    """A unit too much, the charge left out or made twice, and a draft that nobody finalised."""
    books = Books(cast("Any", None), cast("Any", None), cast("Any", None))
    books.acknowledge("ada", "apiCalls", 9_000, START)
    books.acknowledge("ada", "apiCalls", 1_005, END - timedelta(seconds=1))
    books.acknowledge("ada", "apiCalls", 400, END)  # of the next period
    books.acknowledge("bob", "apiCalls", 7, START)
    found = [*books._of_invoice("ada", ACCOUNT, invoice(charged, status), NAMES)]  # noqa: SLF001 - a test
    assert drift == sum(each.size for each in found)
