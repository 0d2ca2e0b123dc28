"""What a user is shown of each metric in a period: used, included, and what happens at the limit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from tollkeeper.catalogue import UNLIMITED, Catalogue
from tollkeeper.rules.limits import Barrier, allowance, standing
from tollkeeper.rules.overage import Overage, billable, overage
from tollkeeper.rules.periods import Period, Terms

NOTHING_OVER = Overage(0, 0)


class Beyond(StrEnum):
    """What happens when a metric's limit is reached."""

    GOES_ON = "goes_on"
    """There is none, or it has no consequences."""
    BILLED = "billed"
    UNBILLED = "unbilled"
    """It goes on, at a price that is not asked yet, or is nothing."""
    STOPS = "stops"


class Figures(StrEnum):
    """Whether a period's figures may still change."""

    PROVISIONAL = "provisional"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class MetricView:
    """One metric in one period; `price` is of a unit beyond the limit, amounts are cents.

    `over` is what was used beyond the limit, `billed` what of it is billed. `barrier` is what one more unit
    would be refused for. `included` is the limit and what an upgrade froze as overage before it.
    """

    name: str
    display_name: str
    unit: str
    used: int
    limit: int
    included: int
    remaining: int
    price: Decimal | None
    beyond: Beyond
    over: Overage
    billed: Overage
    barrier: Barrier | None

    @property
    def beyond_limit(self) -> int:
        """Units beyond what is included, whether they are billed or not."""
        return 0 if self.limit == UNLIMITED else max(0, self.used - self.included)


@dataclass(frozen=True, slots=True)
class PeriodView:
    """A period: its bounds, whether its figures may still change, and every metric of the catalogue.

    `is_subscribed` says that it is a subscription's, rather than a calendar month.
    """

    start: datetime
    end: datetime | None
    is_subscribed: bool
    figures: Figures
    metrics: tuple[MetricView, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was counted in it."""
        return not any(each.used for each in self.metrics)

    @property
    def billed(self) -> int:
        """The overage that is billed, in cents."""
        return sum(each.billed.amount for each in self.metrics)

    @property
    def kept_off(self) -> int:
        """The overage that a spending cap keeps off the bill, in cents."""
        return sum(each.over.amount for each in self.metrics) - self.billed


def period_view(period: Period, terms: Terms, catalogue: Catalogue) -> PeriodView:
    """Return what is shown of a period under the terms in force."""
    return PeriodView(
        period.start,
        period.end,
        period.subscription_id is not None,
        Figures.FINAL if period.closed_at else Figures.PROVISIONAL,
        tuple(_metrics(period, terms, catalogue)),
    )


def _metrics(period: Period, terms: Terms, catalogue: Catalogue) -> Iterator[MetricView]:
    over, billed = overage(period), billable(period)
    for metric in catalogue.metrics.values():
        name, incurred = metric.name, period.incurred.get(metric.name, 0)
        stands = standing(terms, name, period.used.get(name, 0), incurred)
        yield MetricView(
            name=name,
            display_name=metric.display_name,
            unit=metric.unit,
            used=stands.current,
            limit=stands.limit,
            included=UNLIMITED if stands.limit == UNLIMITED else stands.limit + incurred,
            remaining=stands.remaining,
            price=terms.prices.get(name),
            beyond=_beyond(terms, name),
            over=over.get(name, NOTHING_OVER),
            billed=billed.get(name, NOTHING_OVER),
            barrier=allowance(period, terms, name, 1).barrier,
        )


def _beyond(terms: Terms, metric: str) -> Beyond:
    if terms.limit(metric) == UNLIMITED or metric in terms.observed:
        return Beyond.GOES_ON
    if metric not in terms.prices:
        return Beyond.STOPS
    return Beyond.BILLED if terms.billed and terms.prices[metric] else Beyond.UNBILLED
