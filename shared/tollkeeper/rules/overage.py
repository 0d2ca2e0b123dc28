"""What a period exceeds its limits by, what of that is billed, and under which cap (DESIGN rules 7 and 8)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from tollkeeper.catalogue import UNLIMITED
from tollkeeper.rules.periods import Period, Terms

HALF_A_CENT = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Overage:
    """What one period exceeds a limit by: a quantity, and its price in whole cents."""

    quantity: int
    amount: int


def overage_quantity(limit: int, used: int, incurred: int) -> int:
    """Return what was used beyond a limit: `incurred + max(0, used - incurred - limit)`.

    Where the limit is unlimited that is just what had been incurred before it became so.
    """
    if limit == UNLIMITED:
        return incurred
    return incurred + max(0, used - incurred - limit)


def overage(period: Period) -> Mapping[str, Overage]:
    """Return each priced metric's overage, a pure function of the period's row.

    A period that is not billed yet shows its quantities at an amount of 0.
    """
    return dict(overages(period, period.terms))


def overages(period: Period, terms: Terms) -> Iterator[tuple[str, Overage]]:
    """Return each priced metric's overage under terms, in the order of the catalogue's metrics."""
    for metric, price in terms.prices.items():
        quantity = overage_quantity(
            terms.limit(metric), period.used.get(metric, 0), period.incurred.get(metric, 0)
        )
        yield metric, Overage(quantity, amount(quantity, price) if terms.billed else 0)


def billable(period: Period) -> Mapping[str, Overage]:
    """Return what of a period's overage is billed: all of it, or as much as its spending cap leaves.

    What an earlier cap kept from being billed stays so. The cap is spent in the order of the catalogue's
    metrics; what it does not cover is shown, not billed.
    """
    left = period.spending_cap
    result = {}
    for metric, over in overages(period, period.terms):
        price = period.terms.prices[metric]
        quantity = max(0, over.quantity - period.beyond.get(metric, 0))
        most = None if left is None or not period.terms.billed else affordable(left, price)
        quantity = quantity if most is None else min(quantity, max(0, most))
        result[metric] = Overage(quantity, amount(quantity, price) if period.terms.billed else 0)
        left = None if left is None else left - result[metric].amount
    return result


def spent(period: Period) -> int:
    """Return the cents that a period's overage comes to so far."""
    return sum(over.amount for over in billable(period).values())


def with_cap(period: Period, cap: int | None) -> Period:
    """Return a period under another spending cap, in cents; None for none.

    What was spent already stays spent, so that the cap is never below it. What the old cap kept from being
    billed is not billed by the new one either.
    """
    billed = billable(period)
    beyond = {metric: over.quantity - billed[metric].quantity for metric, over in overage(period).items()}
    return replace(
        period,
        spending_cap=None if cap is None else max(cap, spent(period)),
        beyond={metric: quantity for metric, quantity in beyond.items() if quantity > 0},
    )


def upgraded(period: Period, terms: Terms) -> Period:
    """Return a period whose subscription has moved to a higher plan, whose terms begin in it.

    The overage so far is frozen as incurred, so that it neither vanishes under the new limits nor is charged
    twice. The plan and its limits are the new ones, the prices stay those that the period began with.
    """
    limits = period.terms.limits
    incurred = {
        metric: overage_quantity(limits.get(metric, UNLIMITED), used, period.incurred.get(metric, 0))
        for metric, used in period.used.items()
        if metric in period.terms.prices
    }
    return replace(
        period,
        terms=replace(period.terms, plan=terms.plan, limits=terms.limits),
        incurred={metric: quantity for metric, quantity in incurred.items() if quantity > 0},
    )


def amount(quantity: int, price: Decimal) -> int:
    """Return whole cents for a quantity at a price in cents, half a cent rounded up as Stripe does."""
    return int((quantity * price).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def affordable(cents: int, price: Decimal) -> int | None:
    """Return the largest quantity whose amount is at most so many cents; None if any is."""
    if price == 0:
        return None
    return int(((cents + HALF_A_CENT) / price).to_integral_value(ROUND_CEILING)) - 1
