"""What a period exceeds its limits by, at the edges: one unit, one cent, half a cent."""

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.examples import OFFER, PERIOD, START
from tollkeeper.catalogue import UNLIMITED
from tollkeeper.rules.overage import affordable, amount, billable, overage_quantity, spent, upgraded, with_cap

LIMIT = PERIOD.terms.limit("apiCalls")


@pytest.mark.parametrize("over", [0, 1, 2])
def test_an_upgrade_freezes_every_unit(over: int) -> None:
    """Also a single one; where nothing is over, nothing is frozen."""
    period = replace(PERIOD, used={"apiCalls": LIMIT + over, "designsCreated": 10})
    after = upgraded(period, OFFER.terms("enterprise", START))
    assert ({"apiCalls": over} if over else {}) == after.incurred
    assert after.terms.plan == "enterprise"
    assert period.terms.prices == after.terms.prices


@pytest.mark.parametrize("over", [0, 1, 2])
def test_what_a_cap_kept_off_stays_off(over: int) -> None:
    """Each unit of it, under a higher cap as under none."""
    period = replace(PERIOD, used={"apiCalls": LIMIT + 10 + over}, spending_cap=10)
    raised = with_cap(period, None)
    assert ({"apiCalls": over} if over else {}) == raised.beyond
    assert 10 == spent(raised) == billable(raised)["apiCalls"].quantity


def test_a_lower_cap_never_takes_back_what_was_spent() -> None:
    """It is what was spent, where it would be less."""
    period = replace(PERIOD, used={"apiCalls": LIMIT + 10})
    assert [10, 10, 11] == [with_cap(period, cap).spending_cap for cap in (0, 10, 11)]


@pytest.mark.parametrize(
    ("limit", "used", "incurred", "expected"),
    [(5, 5, 0, 0), (5, 6, 0, 1), (5, 8, 2, 3), (5, 7, 2, 2), (UNLIMITED, 1_000, 2, 2), (0, 1, 0, 1)],
)
def test_overage_is_what_was_incurred_and_what_is_over(
    limit: int, used: int, incurred: int, expected: int
) -> None:
    """`incurred + max(0, used − incurred − limit)`, and just what was incurred where nothing limits."""
    assert expected == overage_quantity(limit, used, incurred)


@pytest.mark.parametrize(
    ("quantity", "price", "cents"), [(1, "0.5", 1), (1, "0.49", 0), (3, "0.5", 2), (2, "10", 20)]
)
def test_half_a_cent_is_rounded_up(quantity: int, price: str, cents: int) -> None:
    """As Stripe does."""
    assert cents == amount(quantity, Decimal(price))


@pytest.mark.parametrize(
    ("cents", "price", "most"), [(10, "10", 1), (9, "10", 0), (0, "0.5", 0), (1, "0.5", 2), (7, "0", None)]
)
def test_what_a_cap_affords_is_the_most_that_costs_no_more(cents: int, price: str, most: int | None) -> None:
    """One unit more would cost more."""
    assert most == affordable(cents, Decimal(price))
    if most is not None:
        assert amount(most, Decimal(price)) <= cents < amount(most + 1, Decimal(price))
