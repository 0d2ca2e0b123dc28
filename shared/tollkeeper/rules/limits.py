"""What a plan allows and what exceeding it costs (DESIGN rules 5 to 8)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from tollkeeper.catalogue import UNLIMITED

if TYPE_CHECKING:
    from tollkeeper.rules.periods import Period, Terms

HALF_A_CENT = Decimal("0.5")


class OnLimit(StrEnum):
    """What happens beyond a limit: the request is blocked, or it is allowed and billed."""

    BLOCK = "block"
    BILL = "bill"


class Barrier(StrEnum):
    """What a request would pass and may not."""

    LIMIT = "limit"
    SPENDING_CAP = "spending_cap"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a user stands with one metric. `remaining` is -1 where the plan is unlimited."""

    limit: int
    current: int
    remaining: int
    on_limit: OnLimit


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a period's row may hold at most, when something is consumed, for that to be within bounds.

    `most` is of every metric that a bound depends on; what is not named may be anything. `barrier` says what
    stands in the way already, by the row as it was read.
    """

    most: Mapping[str, int] = field(default_factory=dict)
    barrier: Barrier | None = None


@dataclass(frozen=True, slots=True)
class Overage:
    """What one period exceeds a limit by: a quantity, and its price in whole cents."""

    quantity: int
    amount: int


def standing(terms: "Terms", metric: str, used: int, incurred: int = 0) -> Standing:
    """Say what is used of a limit, what is left of it, and what happens beyond it.

    What an upgrade froze as overage (`incurred`) is paid apart and takes no room under the new limit.
    """
    limit = terms.limit(metric)
    return Standing(
        limit=limit,
        current=used,
        remaining=UNLIMITED if limit == UNLIMITED else max(0, limit + incurred - used),
        on_limit=OnLimit.BILL if metric in terms.prices else OnLimit.BLOCK,
    )


def allowance(period: "Period", terms: "Terms", metric: str, asked: int, cap: int | None) -> Allowance:
    """Return what must still hold of a period's row when `asked` of a metric is added to it.

    More is allowed while `used + asked` stays within the limit. Beyond it, a metric with a price goes on and
    is billed, any other is refused. Unlimited and observed metrics are always allowed.

    `terms` are those in force, `cap` the most overage in cents that the user accepts in a period. Under a
    hard limit it is the metric's own counter that decides. Under a cap it is those of all priced metrics,
    since each takes of the same money.
    """
    limit, used = terms.limit(metric), period.used.get(metric, 0)
    if limit == UNLIMITED or metric in terms.observed:
        return Allowance()
    incurred = period.incurred.get(metric, 0)
    if metric not in terms.prices:
        most = {metric: limit + incurred - asked}
        return Allowance(most, None if used <= most[metric] else Barrier.LIMIT)
    if cap is None or not terms.billed:
        return Allowance()
    others = {other: period.used.get(other, 0) for other in terms.prices if other != metric}
    spent = sum(over.amount for other, over in _overages(period, terms) if other != metric)
    affordable = _affordable(cap - spent, terms.prices[metric])
    if affordable is None:
        return Allowance()
    most = {metric: limit + max(incurred, affordable) - asked, **others}
    return Allowance(most, None if used <= most[metric] else Barrier.SPENDING_CAP)


def overage_quantity(limit: int, used: int, incurred: int) -> int:
    """Return what was used beyond a limit: `incurred + max(0, used - incurred - limit)`.

    Where the limit is unlimited that is just what had been incurred before it became so.
    """
    if limit == UNLIMITED:
        return incurred
    return incurred + max(0, used - incurred - limit)


def overage(period: "Period") -> Mapping[str, Overage]:
    """Return each priced metric's overage, a pure function of the period's row.

    A period that is not billed yet shows its quantities at an amount of 0.
    """
    return dict(_overages(period, period.terms))


def billable(period: "Period", cap: int | None) -> Mapping[str, Overage]:
    """Return what of a period's overage is billed: all of it, or as much as a spending cap leaves.

    The cap is spent in the order of the catalogue's metrics. What it does not cover is shown, not billed.
    """
    if cap is None:
        return overage(period)
    left = cap
    result = {}
    for metric, over in _overages(period, period.terms):
        affordable = _affordable(left, period.terms.prices[metric])
        quantity = over.quantity if affordable is None else min(over.quantity, max(0, affordable))
        result[metric] = Overage(
            quantity, amount(quantity, period.terms.prices[metric]) if over.amount else 0
        )
        left -= result[metric].amount
    return result


def amount(quantity: int, price: Decimal) -> int:
    """Return whole cents for a quantity at a price in cents, half a cent rounded up as Stripe does."""
    return int((quantity * price).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _affordable(cents: int, price: Decimal) -> int | None:
    """Return the largest quantity whose amount is at most so many cents; None if any is."""
    if price == 0:
        return None
    return int(((cents + HALF_A_CENT) / price).to_integral_value(ROUND_CEILING)) - 1


def _overages(period: "Period", terms: "Terms") -> Iterator[tuple[str, Overage]]:
    for metric, price in terms.prices.items():
        quantity = overage_quantity(
            terms.limit(metric), period.used.get(metric, 0), period.incurred.get(metric, 0)
        )
        yield metric, Overage(quantity, amount(quantity, price) if terms.billed else 0)
