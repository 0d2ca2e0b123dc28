"""What a plan allows, and what exceeding it costs."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import CATALOGUE, OFFER, PERIOD, START
from tollkeeper.catalogue import UNLIMITED, Mode
from tollkeeper.rules.limits import OnLimit, allowance, standing
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.overage import Overage, amount, overage, overage_quantity
from tollkeeper.rules.periods import Terms

quantities = st.integers(0, 10**9)
asked_for = st.integers(1, 10**9)
prices = st.decimals(Decimal(0), Decimal(1000), places=12)


def hard(limit: int) -> Terms:
    """Terms with a limit on hits, which have no price."""
    return Terms(plan="starter", limits={"hits": limit})


def priced(limit: int) -> Terms:
    """Terms with a limit on hits, each of which costs ten cents beyond it."""
    return Terms(plan="starter", limits={"hits": limit}, prices={"hits": Decimal(10)}, billed=True)


def is_allowed(terms: Terms, metric: str, used: int, asked: int = 1, incurred: int = 0) -> bool:
    """Whether so much more may be consumed in a period of these terms."""
    period = replace(PERIOD, terms=terms, used={metric: used}, incurred={metric: incurred})
    return allowance(period, terms, metric, asked).barrier is None


@given(limit=quantities, used=quantities, asked=asked_for)
def test_within_the_limit_is_allowed_and_beyond_it_is_not(limit: int, used: int, asked: int) -> None:
    """Without a price, more is allowed exactly when `used + asked <= limit`."""
    assert (used + asked <= limit) == is_allowed(hard(limit), "hits", used, asked)


@given(limit=st.integers(0, 50))
def test_a_hard_limit_gives_as_many_yeses_as_it_says(limit: int) -> None:
    """Whoever asks for one at a time, and uses what is allowed, ends up with the limit exactly."""
    used = 0
    for _ in range(limit + 10):
        used += is_allowed(hard(limit), "hits", used)
    assert limit == used


@given(limit=quantities, incurred=quantities, more=quantities, asked=asked_for)
def test_what_is_paid_apart_takes_no_room(limit: int, incurred: int, more: int, asked: int) -> None:
    """Overage frozen by an upgrade leaves the new limit whole: it raises what may be used by as much."""
    expected = is_allowed(hard(limit), "hits", more, asked)
    assert expected == is_allowed(hard(limit), "hits", incurred + more, asked, incurred)
    left = standing(hard(limit), "hits", more).remaining
    assert left == standing(hard(limit), "hits", incurred + more, incurred).remaining


@given(used=quantities, incurred=quantities, asked=asked_for)
def test_unlimited_always_allows(used: int, incurred: int, asked: int) -> None:
    """A limit of -1 is never reached, and what remains of it is -1."""
    stand = standing(hard(UNLIMITED), "hits", used, incurred)
    assert (UNLIMITED, UNLIMITED) == (stand.limit, stand.remaining)
    assert is_allowed(hard(UNLIMITED), "hits", used, asked, incurred)


@given(limit=quantities, used=quantities, asked=asked_for)
def test_going_over_a_priced_limit_is_allowed_and_billed(limit: int, used: int, asked: int) -> None:
    """With an overage price nothing is refused, and the answer says that the rest is billed."""
    assert is_allowed(priced(limit), "hits", used, asked)
    assert OnLimit.BILL == standing(priced(limit), "hits", used).on_limit


@given(limit=quantities, used=quantities)
def test_what_remains_is_what_is_still_allowed(limit: int, used: int) -> None:
    """Of a hard limit exactly `remaining` more is allowed, and it is never less than nothing."""
    remaining = standing(hard(limit), "hits", used).remaining
    assert remaining == 0 or is_allowed(hard(limit), "hits", used, remaining)
    assert not is_allowed(hard(limit), "hits", used, remaining + 1)


@pytest.mark.parametrize("metric", [metric.name for metric in CATALOGUE.priced_metrics])
@pytest.mark.parametrize(
    "terms",
    [
        pytest.param(OFFER.free(START), id="free"),
        pytest.param(OFFER.terms("professional", START, trial=True), id="trial"),
    ],
)
def test_free_and_trial_limits_are_hard(terms: Terms, metric: str) -> None:
    """On the free plan and in a trial the limit blocks, price or not: Stripe would bill nothing."""
    stand = standing(terms, metric, used=terms.limits[metric])
    assert (0, OnLimit.BLOCK) == (stand.remaining, stand.on_limit)
    assert not is_allowed(terms, metric, terms.limits[metric])


@pytest.mark.parametrize("plan", ["starter", "professional"])
def test_a_metric_without_a_price_is_hard_on_a_paid_plan(plan: str) -> None:
    """Predictions have no price, so nobody's limit of them can be passed."""
    terms = OFFER.terms(plan, START)
    stand = standing(terms, "mlPredictions", used=terms.limits["mlPredictions"])
    assert OnLimit.BLOCK == stand.on_limit
    assert not is_allowed(terms, "mlPredictions", terms.limits["mlPredictions"])


@given(used=quantities, asked=asked_for, plan=st.sampled_from([*CATALOGUE.plans]))
def test_an_observed_metric_never_blocks_and_never_costs(used: int, asked: int, plan: str) -> None:
    """What is only observed is allowed at any count on any plan, and is no part of the overage."""
    exports = replace(CATALOGUE.metrics["exports"], mode=Mode.OBSERVE)
    observing = replace(CATALOGUE, metrics={**CATALOGUE.metrics, "exports": exports})
    terms = Offer(observing, OFFER.bill_overage_from).terms(plan, START)
    assert is_allowed(terms, "exports", used, asked)
    assert "exports" not in overage(replace(PERIOD, terms=terms, used={"exports": used}))


@given(limit=quantities, used=quantities)
def test_overage_is_what_exceeds_the_limit(limit: int, used: int) -> None:
    """Every unit is either included or overage, and the limit's worth is included."""
    included = min(used, limit)
    assert used - included == overage_quantity(limit, used, incurred=0)


@given(old=quantities, raised_by=quantities, before=quantities, after=quantities)
def test_an_upgrade_neither_loses_overage_nor_charges_it_twice(
    old: int, raised_by: int, before: int, after: int
) -> None:
    """Frozen at the upgrade, overage is what was over the old limit then, and over the new one since."""
    incurred = overage_quantity(old, before, incurred=0)
    room_left = old + raised_by - min(before, old)
    expected = max(0, before - old) + max(0, after - room_left)
    assert expected == overage_quantity(old + raised_by, before + after, incurred)


@given(used=quantities, incurred=quantities)
def test_unlimited_adds_no_overage(used: int, incurred: int) -> None:
    """Where the limit became unlimited, only what had been incurred before is due."""
    assert incurred == overage_quantity(UNLIMITED, used, incurred)


@given(limit=quantities, used=quantities, incurred=quantities)
def test_overage_begins_where_nothing_remains(limit: int, used: int, incurred: int) -> None:
    """The next unit is overage exactly when the answer to the user said that nothing remains."""
    next_costs = overage_quantity(limit, used + 1, incurred) > overage_quantity(limit, used, incurred)
    assert (standing(priced(limit), "hits", used, incurred).remaining == 0) == next_costs


def test_the_assessments_customer_owes_what_it_says() -> None:
    """15,000 calls, 1,200 queries and 600 exports on professional: $50, $20 and $50 over the $99."""
    period = replace(PERIOD, used={"apiCalls": 15_000, "aiQueries": 1_200, "exports": 600})
    expected = {
        "apiCalls": Overage(5_000, 50_00),
        "aiQueries": Overage(200, 20_00),
        "exports": Overage(100, 50_00),
    }
    assert expected == overage(period)
    assert 219_00 == CATALOGUE.plans["professional"].price + sum(each.amount for each in expected.values())


def test_unused_metrics_have_no_overage() -> None:
    """A period in which nothing was counted shows every priced metric at nothing."""
    assert dict.fromkeys(("apiCalls", "aiQueries", "exports"), Overage(0, 0)) == overage(PERIOD)


def test_frozen_overage_is_charged_beside_the_new() -> None:
    """40 incurred under the old limit and 10 beyond the new one are 50 to pay."""
    period = replace(PERIOD, used={"exports": 550}, incurred={"exports": 40})
    assert Overage(50, 25_00) == overage(period)["exports"]


def test_overage_before_the_billing_date_is_shown_at_nothing() -> None:
    """In a period that started before overage is billed, the quantity is true and the amount 0."""
    later = Offer(CATALOGUE, bill_overage_from=(START + timedelta(days=1)).date())
    period = replace(PERIOD, terms=later.terms("professional", START), used={"exports": 600})
    assert Overage(100, 0) == overage(period)["exports"]


@pytest.mark.parametrize(
    ("quantity", "price", "cents"),
    [
        (5_000, "1", 5_000),
        (0, "50", 0),
        (1, "0.5", 1),
        (5, "0.5", 3),
        (1, "0.499999999999", 0),
        (9, "0.05", 0),
        (10, "0.05", 1),
        (333, "0.1", 33),
        (1_000_000_000, "0.000000000001", 0),
    ],
)
def test_half_a_cent_is_rounded_up_once(quantity: int, price: str, cents: int) -> None:
    """The whole quantity is priced first and rounded then, half a cent up, as Stripe rounds a line."""
    assert cents == amount(quantity, Decimal(price))


@given(quantity=quantities, price=prices)
def test_an_amount_is_the_nearest_whole_cent(quantity: int, price: Decimal) -> None:
    """Rounding never moves an amount by more than half a cent."""
    assert abs(amount(quantity, price) - quantity * price) <= Decimal("0.5")
