"""What a period pins when it starts."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.examples import CATALOGUE, OFFER, START
from tollkeeper.catalogue import Mode
from tollkeeper.rules.offers import Offer

PRICES = {"apiCalls": Decimal(1), "aiQueries": Decimal(10), "exports": Decimal(50)}


@pytest.mark.parametrize("plan", [*CATALOGUE.plans])
def test_terms_hold_the_plan_and_every_limit(plan: str) -> None:
    """A period pins its plan's limit of every metric, unlimited ones among them."""
    terms = OFFER.terms(plan, START)
    assert (plan, CATALOGUE.plans[plan].limits) == (terms.plan, terms.limits)
    assert CATALOGUE.metrics.keys() == terms.limits.keys()


@pytest.mark.parametrize("plan", [plan.name for plan in CATALOGUE.paid_plans])
def test_a_paid_plan_has_prices(plan: str) -> None:
    """Every paid plan may exceed the priced metrics, each at the price of the day."""
    assert PRICES == OFFER.terms(plan, START).prices


def test_the_free_plan_has_no_prices_and_is_not_billed() -> None:
    """A user without a subscription cannot owe anything."""
    terms = OFFER.free(START)
    assert ("free", {}, False) == (terms.plan, terms.prices, terms.billed)


def test_a_trial_has_no_prices_and_is_not_billed() -> None:
    """A trial has its plan's limits, and nothing beyond them."""
    paid, trial = OFFER.terms("starter", START), OFFER.terms("starter", START, trial=True)
    assert (paid.limits, {}, False) == (trial.limits, trial.prices, trial.billed)


def test_an_observed_metric_has_no_price() -> None:
    """What is only observed is named as such and costs nothing, whatever its price."""
    exports = replace(CATALOGUE.metrics["exports"], mode=Mode.OBSERVE)
    observing = replace(CATALOGUE, metrics={**CATALOGUE.metrics, "exports": exports})
    terms = Offer(observing, OFFER.bill_overage_from).terms("starter", START)
    assert ({"exports"}, {"apiCalls", "aiQueries"}) == (set(terms.observed), set(terms.prices))


@pytest.mark.parametrize(
    ("start", "billed"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC) - timedelta.resolution, False),
        (datetime(2026, 1, 1, tzinfo=UTC), True),
        (datetime(2026, 6, 1, tzinfo=UTC), True),
    ],
)
def test_overage_is_billed_in_periods_that_start_on_the_date_or_after(
    *, start: datetime, billed: bool
) -> None:
    """A period that is running on the date stays free of charge to its end."""
    assert billed == Offer(CATALOGUE, date(2026, 1, 1)).terms("professional", start).billed


def test_before_the_date_priced_limits_are_soft_already() -> None:
    """Until overage is billed, customers see what they would owe instead of being blocked."""
    assert PRICES == Offer(CATALOGUE, date(2026, 1, 1)).terms("professional", START).prices


def test_a_plan_that_is_not_sold_any_more_offers_what_is_free() -> None:
    """A subscriber of a plan that was taken out of the catalogue is neither billed nor let in for nothing."""
    assert OFFER.free(START) == OFFER.terms("platinum", START)
