"""What a closed period owes, and how an invoice says it."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import CATALOGUE, END, NOW, OFFER, PERIOD, START
from tollkeeper.catalogue import UNLIMITED
from tollkeeper.rules.charges import Charge, charge_id, charges, describe
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.overage import billable, overage
from tollkeeper.rules.periods import Period

BUSY = {"apiCalls": 15_000, "aiQueries": 1_200, "exports": 600, "mlPredictions": 5_000}
counts = st.dictionaries(st.sampled_from([*CATALOGUE.metrics]), st.integers(0, 10**9))
texts = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=300)


def owed(period: Period, user_id: str = "ada", deployment: str = "live") -> dict[str, Charge]:
    """What Ada's period owes, by metric."""
    return {each.metric: each for each in charges(deployment, user_id, period)}


def ids(period: Period, **of: str) -> set[str]:
    """The identifiers of a busy period's charges."""
    return {each.id for each in owed(replace(period, used=BUSY), **of).values()}


def test_a_busy_period_owes_one_charge_for_each_exceeded_metric() -> None:
    """The case of the assessment: $50 + $20 + $50 beyond the plan's $99."""
    found = owed(replace(PERIOD, used=BUSY))
    expected = {"apiCalls": (5_000, 5_000), "aiQueries": (200, 2_000), "exports": (100, 5_000)}
    assert expected == {metric: (each.quantity, each.amount) for metric, each in found.items()}


@given(used=counts, incurred=counts, cap=st.none() | st.integers(0, 10**6))
def test_what_is_owed_is_the_billable_overage(
    used: dict[str, int], incurred: dict[str, int], cap: int | None
) -> None:
    """Whatever was counted, quantities and cents are those of rules 7 and 8, and what is capped is told."""
    period = replace(PERIOD, used=used, incurred=incurred, spending_cap=cap)
    due, over = billable(period), overage(period)
    found = owed(period)
    assert sum(each.amount for each in due.values()) == sum(each.amount for each in found.values())
    for metric, each in found.items():
        assert (due[metric].quantity, due[metric].amount) == (each.quantity, each.amount)
        assert over[metric].quantity == each.quantity + each.capped


@pytest.mark.parametrize(
    "period",
    [
        pytest.param(
            replace(PERIOD, used={metric: max(0, most) for metric, most in PERIOD.terms.limits.items()}),
            id="within the limits to the unit",
        ),
        pytest.param(
            replace(PERIOD, used=BUSY, terms=Offer(CATALOGUE, date(2026, 1, 1)).terms("professional", START)),
            id="before the day from which overage is billed",
        ),
        pytest.param(replace(PERIOD, used=BUSY, terms=OFFER.free(START)), id="of the free plan"),
        pytest.param(replace(PERIOD, used=BUSY, is_void=True), id="that turned out to be none"),
        pytest.param(replace(PERIOD, used=BUSY, spending_cap=0), id="under a cap of nothing"),
    ],
)
def test_a_period_that_owes_nothing_costs_no_call_of_stripe(period: Period) -> None:
    """It has no charges, not even of nothing."""
    assert {} == owed(period)


@given(used=st.integers(501, 10**9), end=st.integers(1, 31))
def test_an_identifier_depends_on_user_metric_and_period_alone(used: int, end: int) -> None:
    """Neither the quantity nor the end or the closing of the period changes it."""
    first = owed(replace(PERIOD, used={"exports": 600}))["exports"].id
    moved = replace(PERIOD, end=START + timedelta(days=end), used={"exports": used}, closed_at=NOW)
    assert first == owed(moved)["exports"].id


@given(one=texts, other=texts)
def test_identifiers_of_two_users_differ(one: str, other: str) -> None:
    """No user's charge is taken for another's, whatever their ids look like."""
    assert (one != other) == ids(PERIOD, user_id=one).isdisjoint(ids(PERIOD, user_id=other))


def test_identifiers_of_metrics_periods_subscriptions_and_deployments_differ() -> None:
    """Three metrics, in each of four periods that differ in one thing, are twelve charges."""
    all_of_them = (
        ids(PERIOD)
        | ids(replace(PERIOD, start=START + timedelta(seconds=1)))
        | ids(replace(PERIOD, subscription_id="sub_second"))
        | ids(PERIOD, deployment="staging")
    )
    assert 12 == len(all_of_them)


@given(user_id=texts, metric=texts)
def test_an_identifier_fits_stripes_metadata(user_id: str, metric: str) -> None:
    """However long the ids are, it has at most 500 characters, and plain ones."""
    found = charge_id("live", user_id, PERIOD, metric)
    assert len(found) <= 500
    assert found.isascii()
    assert found.isprintable()


PLAIN = Charge("c", "apiCalls", 5_000, Decimal(1), 5_000, used=15_000, included=10_000)


@pytest.mark.parametrize(
    ("charge", "reckoning"),
    [
        (PLAIN, "15,000 used − 10,000 included = 5,000"),
        (
            replace(PLAIN, quantity=4_000, capped=1_000),
            "15,000 used − 10,000 included = 5,000, of which the spending cap leaves 4,000",
        ),
        (
            replace(PLAIN, quantity=500, used=5_000, incurred=500, included=UNLIMITED),
            "500 over the limit before an upgrade",
        ),
        (
            replace(PLAIN, quantity=500, used=5_000, incurred=500),
            "500 over the limit before an upgrade = 500",
        ),
        (
            replace(PLAIN, quantity=4_999, used=14_999, incurred=500),
            "500 over the limit before an upgrade + (14,999 used − 500 − 10,000 included) = 4,999",
        ),
    ],
)
def test_a_line_says_the_arithmetic_and_the_period(charge: Charge, reckoning: str) -> None:
    """Whoever reads the invoice can check it."""
    told = describe(charge, "API calls", START, END, "usd")
    assert f"API calls, 3 Nov to 3 Dec 2025: {reckoning} × $0.01" == told
