"""What the checkout page says of a plan."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.catalogue import UNLIMITED, Catalogue, Metric, Mode, load
from tollkeeper.rules.plan_text import plan_text

CATALOGUE = load()
LONGEST = 1_200


def text(plan: str, catalogue: Catalogue = CATALOGUE, *, trial: bool = False, longest: int = LONGEST) -> str:
    """What is said of a plan."""
    return plan_text(catalogue, catalogue.plans[plan], trial=trial, longest=longest)


def with_metrics(*metrics: Metric, limits: dict[str, int]) -> Catalogue:
    """The shipped catalogue with these metrics alone, and these limits in professional."""
    plan = replace(CATALOGUE.plans["professional"], limits=limits)
    return replace(CATALOGUE, metrics={each.name: each for each in metrics}, plans={"professional": plan})


CALLS = CATALOGUE.metrics["apiCalls"]
DESIGNS = CATALOGUE.metrics["designsCreated"]


def test_a_plan_with_all_kinds_of_limits() -> None:
    """What is included, what each further unit costs, what ends there, and what has no limit."""
    assert (
        "Includes 10,000 API calls, 1,000 AI queries, 500 exports and 1,000 ML predictions a month. "
        "Beyond that: $0.01 per API call, $0.10 per AI query and $0.50 per export; "
        "no further ML predictions. "
        "Unlimited: designs created, rooms created, fixtures added and facility dashboards."
    ) == text("professional")


def test_a_plan_without_limits() -> None:
    """Nothing is included, for nothing is limited, and nothing costs more."""
    assert (
        "Unlimited: API calls, AI queries, exports, designs created, ML predictions, rooms created, "
        "fixtures added and facility dashboards."
    ) == text("enterprise", trial=True)


def test_a_trial() -> None:
    """In a trial limits are hard, so that nothing beyond them can cost anything."""
    assert text("starter", trial=True) == (
        f"{text('starter')} During the trial usage stops at what is included, so nothing more is charged."
    )


def test_hard_limits_alone() -> None:
    """Where nothing has a price, all ends at its limit, and there is nothing to say of a trial."""
    catalogue = with_metrics(DESIGNS, limits={"designsCreated": 3})
    expected = "Includes 3 designs created a month. Beyond that: no further designs created."

    assert (expected, expected) == (
        text("professional", catalogue),
        text("professional", catalogue, trial=True),
    )


def test_a_metric_that_is_only_observed() -> None:
    """It blocks nothing and costs nothing, so nothing is said of it."""
    observed = replace(CALLS, mode=Mode.OBSERVE)

    assert "Unlimited: designs created." == text(
        "professional",
        with_metrics(observed, DESIGNS, limits={"apiCalls": 100, "designsCreated": UNLIMITED}),
    )


def test_a_catalogue_that_only_observes() -> None:
    """There is nothing to say."""
    assert not text("professional", with_metrics(replace(CALLS, mode=Mode.OBSERVE), limits={"apiCalls": 1}))


def test_another_currency() -> None:
    """Prices are those of the catalogue, in its currency."""
    yen = replace(with_metrics(CALLS, limits={"apiCalls": 100}), currency="jpy")

    assert "Includes 100 API calls a month. Beyond that: ¥1 per API call." == text("professional", yen)


@pytest.mark.parametrize(
    ("display_name", "unit", "named"),
    [
        ("Exports", "export", "exports"),
        ("API calls", "call", "API calls"),
        ("Zapier runs", "Zapier run", "Zapier runs"),
        ("emails", "email", "emails"),
        ("X", "unit", "x"),
    ],
)
def test_names_within_a_sentence(display_name: str, unit: str, named: str) -> None:
    """Names begin small within a sentence, unless they are written large."""
    metric = replace(CALLS, display_name=display_name, unit=unit)

    assert text("professional", with_metrics(metric, limits={"apiCalls": 9})).startswith(
        f"Includes 9 {named} a"
    )


def test_prices_are_the_last_to_go() -> None:
    """Where there is no room for all names, lists grow shorter; every price is still told."""
    assert (
        "Includes 10,000 API calls and 3 more a month. "
        "Beyond that: $0.01 per API call, $0.10 per AI query and $0.50 per export; "
        "no further ML predictions. "
        "Unlimited: designs created and 3 more."
    ) == text("professional", longest=190)


def test_the_rest_is_counted() -> None:
    """Where there is no room for all prices either, it is said how many more there are."""
    assert "Beyond that: $0.01 per API call and 2 more;" in text("professional", longest=170)


METRICS = st.builds(
    Metric,
    name=st.text("abc", min_size=1, max_size=6),
    display_name=st.text(min_size=1, max_size=200),
    unit=st.text(min_size=1, max_size=100),
    overage_price=st.none() | st.decimals(0, 10**6, places=4),
    mode=st.sampled_from(Mode),
    late=st.just(CALLS.late),
    mirror=st.booleans(),
)


@given(st.lists(METRICS, max_size=30, unique_by=lambda metric: metric.name), st.data(), st.booleans())
def test_it_always_fits(metrics: list[Metric], data: st.DataObject, trial: bool) -> None:  # noqa: FBT001
    """However much is sold, Stripe takes the text."""
    limits = {metric.name: data.draw(st.integers(-1, 10**15)) for metric in metrics}

    assert LONGEST >= len(text("professional", with_metrics(*metrics, limits=limits), trial=trial))


@given(st.integers(1, 10**6), st.decimals(0, 10**4, places=4))
def test_limit_and_price_are_always_told(limit: int, price: Decimal) -> None:
    """Whoever buys can read both."""
    told = text("professional", with_metrics(replace(CALLS, overage_price=price), limits={"apiCalls": limit}))

    assert f"{limit:,} API calls" in told
    assert " per API call." in told
