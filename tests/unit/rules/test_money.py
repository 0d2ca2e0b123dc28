"""Amounts as people read them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.money import money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1, "usd", "$0.01"),
        (9_900, "usd", "$99.00"),
        (0, "usd", "$0.00"),
        (123_456_789, "usd", "$1,234,567.89"),
        (Decimal("0.05"), "usd", "$0.0005"),
        (Decimal("0.0001"), "usd", "$0.000001"),
        (Decimal("50.00"), "usd", "$0.50"),
        (Decimal("1E+3"), "usd", "$10.00"),
        (50, "eur", "€0.50"),
        (50, "gbp", "£0.50"),
        (50, "jpy", "¥50"),
        (1_200, "jpy", "¥1,200"),
        (Decimal("0.5"), "jpy", "¥0.5"),
        (50, "krw", "50 KRW"),
        (1_250, "kwd", "1.250 KWD"),
        (125_000, "chf", "1,250.00 CHF"),
    ],
)
def test_amounts(amount: Decimal | int, currency: str, text: str) -> None:
    """An amount has its currency's sign and decimal places, and more where it is finer."""
    assert text == money(amount, currency)


@given(st.decimals(min_value=0, max_value=10**10, places=4), st.sampled_from(["usd", "jpy", "kwd"]))
def test_nothing_is_rounded(amount: Decimal, currency: str) -> None:
    """What is written is the amount, always."""
    places = {"usd": 2, "jpy": 0, "kwd": 3}[currency]
    digits = "".join(each for each in money(amount, currency) if each.isdigit() or each == ".")

    assert amount == Decimal(digits) * 10**places
