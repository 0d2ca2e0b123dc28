"""What a plan allows and what exceeding it costs (DESIGN rules 5 and 7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from tollkeeper.catalogue import UNLIMITED

if TYPE_CHECKING:
    from tollkeeper.rules.periods import Period, Terms


class OnLimit(StrEnum):
    """What happens beyond a limit: the request is blocked, or it is allowed and billed."""

    BLOCK = "block"
    BILL = "bill"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a user stands with one metric. `remaining` is -1 where the plan is unlimited."""

    allowed: bool
    limit: int
    current: int
    remaining: int
    on_limit: OnLimit


@dataclass(frozen=True, slots=True)
class Overage:
    """What one period exceeds a limit by: a quantity, and its price in whole cents."""

    quantity: int
    amount: int


def standing(terms: "Terms", metric: str, used: int, incurred: int = 0, asked: int = 1) -> Standing:
    """Say whether `asked` more of a metric is allowed: when `used + asked` stays within the limit.

    Beyond it, a metric with a price is allowed and billed, any other is refused. Unlimited and observed
    metrics are always allowed. What an upgrade froze as overage (`incurred`) is paid apart and takes no
    room under the new limit.
    """
    limit = terms.limits[metric]
    priced = metric in terms.prices
    unlimited = limit == UNLIMITED
    within = unlimited or used + asked <= limit + incurred
    return Standing(
        allowed=within or priced or metric in terms.observed,
        limit=limit,
        current=used,
        remaining=UNLIMITED if unlimited else max(0, limit + incurred - used),
        on_limit=OnLimit.BILL if priced else OnLimit.BLOCK,
    )


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
    terms = period.terms
    result = {}
    for metric, price in terms.prices.items():
        quantity = overage_quantity(
            terms.limits[metric], period.used.get(metric, 0), period.incurred.get(metric, 0)
        )
        result[metric] = Overage(quantity, amount(quantity, price) if terms.billed else 0)
    return result


def amount(quantity: int, price: Decimal) -> int:
    """Return whole cents for a quantity at a price in cents, half a cent rounded up as Stripe does."""
    return int((quantity * price).quantize(Decimal(1), rounding=ROUND_HALF_UP))
