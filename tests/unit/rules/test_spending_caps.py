"""A spending cap, over any history of usage and of caps (DESIGN rule 8)."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import OFFER, PERIOD, START
from tests.ledger.model import CENTS, Stretch
from tollkeeper.rules.limits import Barrier, allowance
from tollkeeper.rules.overage import billable, spent, with_cap
from tollkeeper.rules.periods import Period

STARTER = replace(PERIOD, terms=OFFER.terms("starter", START))
ODD = replace(
    STARTER,
    terms=replace(
        STARTER.terms,
        prices={"apiCalls": Decimal("0.05"), "aiQueries": Decimal("0.5"), "exports": Decimal("33.3")},
    ),
)
"""A plan whose units cost no whole cents."""

SIZES = {"apiCalls": 400, "aiQueries": 40, "exports": 20}

metrics = st.sampled_from(list(CENTS))
caps = st.one_of(st.none(), st.integers(0, 3_000))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("track"), metrics, st.integers(1, 4)),
        st.tuples(st.just("consume"), metrics, st.integers(1, 4)),
        st.tuples(st.just("correct"), metrics, st.integers(1, 4)),
        st.tuples(st.just("cap"), caps, st.just(0)),
    ),
    max_size=25,
)
"""What may happen in a period: tracked, consumed, corrected, or capped otherwise."""


def with_used(period: Period, metric: str, units: int) -> Period:
    """The period with so many more units."""
    return replace(period, used={**period.used, metric: period.used.get(metric, 0) + units})


def cost(period: Period) -> int:
    """What is over comes to, in cents, but for what an earlier cap has forgiven: as if there were no cap."""
    return spent(replace(period, spending_cap=None))


@given(steps)
@settings(deadline=None)
def test_any_history_of_caps_bills_like_the_model(history: list[tuple[str, str, int]]) -> None:
    """Step by step, as many units are billed as a model says that counts them one by one."""
    period, model = STARTER, Stretch("sub", START, None, "starter")
    for what, metric, size in history:
        if what == "cap":
            period = with_cap(period, metric)  # type: ignore[arg-type]
            model.accept(metric)  # type: ignore[arg-type]
            continue
        units = size * SIZES[metric] * (-1 if what == "correct" else 1)
        if what == "consume" and allowance(period, period.terms, metric, units).barrier:
            continue
        if period.used.get(metric, 0) + units >= 0:
            period = with_used(period, metric, units)
            model.used[metric] += units
        assert +model.billed() == +Counter({each: over.quantity for each, over in billable(period).items()})


@given(steps, st.sampled_from([STARTER, ODD]))
@settings(deadline=None)
def test_a_cap_is_kept_and_takes_nothing_back(history: list[tuple[str, str, int]], period: Period) -> None:
    """What was spent stays spent, whatever the cap becomes; consuming costs what is billed, and no more."""
    for what, metric, size in history:
        before = spent(period)
        if what == "cap":
            cap: int | None = metric  # type: ignore[assignment]
            period = with_cap(period, cap)
            assert before == spent(period)
            assert (None if cap is None else max(cap, before)) == period.spending_cap
            continue
        units = size * SIZES[metric]
        if what == "correct":
            units = -min(units, period.used.get(metric, 0))
        if what == "consume":
            if allowance(period, period.terms, metric, units).barrier:
                assert period.spending_cap is not None
                assert cost(with_used(period, metric, units)) > period.spending_cap
                continue
            after = with_used(period, metric, units)
            if period.spending_cap is not None and cost(after) > cost(period):
                assert cost(after) <= period.spending_cap
        period = with_used(period, metric, units)
        assert period.spending_cap is None or spent(period) <= period.spending_cap


@given(
    cap=st.integers(0, 5_000),
    used=st.fixed_dictionaries({each: st.integers(0, 3_000) for each in CENTS}),
    beyond=st.fixed_dictionaries({each: st.integers(0, 50) for each in CENTS}),
    asked=st.integers(1, 500),
    metric=metrics,
    growth=st.fixed_dictionaries({each: st.floats(0, 1) for each in CENTS}),
    period=st.sampled_from([STARTER, ODD]),
)
@settings(deadline=None)
def test_others_may_grow_within_their_share_and_all_stay_within_the_cap(
    cap: int,
    used: dict[str, int],
    beyond: dict[str, int],
    asked: int,
    metric: str,
    growth: dict[str, float],
    period: Period,
) -> None:
    """Wherever the counters get to below what is allowed, what is then written costs no more than the cap."""
    period = replace(period, spending_cap=cap, used=used, beyond=beyond)
    bounds = allowance(period, period.terms, metric, asked)
    if bounds.barrier:
        return
    assert all(used[each] <= most for each, most in bounds.most.items())
    grown = {
        each: used[each] + int((bounds.most.get(each, used[each]) - used[each]) * growth[each])
        for each in used
    }
    before = replace(period, used=grown)
    after = with_used(before, metric, asked)
    assert cost(after) <= cap or cost(after) == cost(before)
    left = cap - cost(with_used(period, metric, asked))
    for each in set(CENTS) - {metric} if left >= 0 else ():
        price = period.terms.prices[each]
        assert left < len(CENTS) * (price + 1) or bounds.most[each] > used[each]


def test_what_is_left_is_shared_out_among_the_metrics() -> None:
    """Of $9 an export costs 50 cents, and each of three metrics may grow by a third of what is left.

    It grows from what an earlier cap kept from being billed, or an upgrade froze.
    """
    period = replace(
        STARTER,
        spending_cap=900,
        used={"apiCalls": 1_200, "aiQueries": 130, "exports": 50},
        beyond={"apiCalls": 200},
    )
    bounds = allowance(period, period.terms, "exports", 1)
    left = 900 - 300 - 50
    calls, queries, exports = left // 3, (300 + left // 3) // 10, (50 + left // 3) // 50
    assert {
        "apiCalls": 1_000 + 200 + calls,
        "aiQueries": 100 + queries,
        "exports": 50 + exports - 1,
    } == bounds.most
    frozen = replace(period, used={"apiCalls": 1_200}, incurred={"apiCalls": 900}, spending_cap=840)
    bounds = allowance(frozen, frozen.terms, "apiCalls", 1)
    assert {"apiCalls": 1_000 + 200 + 746 - 1, "aiQueries": 104, "exports": 50} == bounds.most


def test_the_cap_that_decides_must_be_the_one_that_was_read() -> None:
    """Whether it leaves room, is reached, or is not set; where nothing costs, no cap decides."""
    limit = STARTER.terms.limit("exports")
    at_limit = with_used(STARTER, "exports", limit)
    roomy, reached = with_cap(at_limit, 5_000), with_cap(at_limit, 0)
    for period in (at_limit, roomy, reached):
        assert allowance(period, period.terms, "exports", 1).under_cap
    assert allowance(reached, reached.terms, "exports", 1).barrier is Barrier.SPENDING_CAP
    assert not allowance(roomy, roomy.terms, "designsCreated", 1).under_cap
