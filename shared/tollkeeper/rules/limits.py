"""What a plan allows (DESIGN rules 5, 6 and 8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tollkeeper.catalogue import UNLIMITED
from tollkeeper.rules.overage import affordable, amount, overage_quantity
from tollkeeper.rules.periods import Period, Terms


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
    stands in the way already, by the row as it was read. `under_cap` says that the cap decides, so that it
    must be the one that was read.
    """

    most: Mapping[str, int] = field(default_factory=dict)
    barrier: Barrier | None = None
    under_cap: bool = False


def standing(terms: Terms, metric: str, used: int, incurred: int = 0) -> Standing:
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


def allowance(period: Period, terms: Terms, metric: str, asked: int) -> Allowance:
    """Return what must still hold of a period's row when `asked` of a metric is added to it.

    More is allowed while `used + asked` stays within the limit. Beyond it, a metric with a price goes on and
    is billed, any other is refused. Unlimited and observed metrics are always allowed.

    `terms` are those in force. Under a hard limit it is the metric's own counter that decides. Under a
    spending cap it is those of all priced metrics, since each takes of the same money.
    """
    limit, used = terms.limit(metric), period.used.get(metric, 0)
    if limit == UNLIMITED or metric in terms.observed:
        return Allowance()
    if metric not in terms.prices:
        most = limit + period.incurred.get(metric, 0) - asked
        return Allowance({metric: most}, None if used <= most else Barrier.LIMIT)
    if not terms.billed or terms.prices[metric] == 0:
        return Allowance()
    if period.spending_cap is None:
        return Allowance(under_cap=True)
    return _under_cap(period, terms, metric, asked, period.spending_cap)


def _under_cap(period: Period, terms: Terms, metric: str, asked: int, cap: int) -> Allowance:
    """Return what must hold for the money: each priced metric may go as far as its share of what is left.

    So that others may count meanwhile, the money left after what is asked is shared out among the metrics,
    and each may grow by what its share pays. Together they stay within the cap.
    """
    costly = {name: price for name, price in terms.prices.items() if price and terms.limit(name) != UNLIMITED}
    used = period.used.get(metric, 0)
    included = terms.limit(metric) + period.incurred.get(metric, 0)
    costs = {name: _cost(period, terms, name, period.used.get(name, 0)) for name in terms.prices}
    before, costs[metric] = costs[metric], _cost(period, terms, metric, used + asked)
    left = cap - sum(costs.values())
    if left < 0:
        if costs[metric] > before:
            return Allowance(barrier=Barrier.SPENDING_CAP, under_cap=True)
        # Too much is used already, by whatever was tracked; but what is asked costs nothing.
        return Allowance({metric: max(included - asked, used)}, under_cap=True)
    share = left // len(costly)
    most = {}
    for name, price in costly.items():
        quantity = affordable(costs[name] + share, price) or 0  # with all that was incurred
        most[name] = terms.limit(name) + quantity + period.beyond.get(name, 0)
    return Allowance({**most, metric: most[metric] - asked}, under_cap=True)


def _cost(period: Period, terms: Terms, metric: str, used: int) -> int:
    quantity = overage_quantity(terms.limit(metric), used, period.incurred.get(metric, 0))
    return amount(max(0, quantity - period.beyond.get(metric, 0)), terms.prices[metric])
