"""Which stretch of time a limit applies to, and on what terms (DESIGN rule 3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from tollkeeper.catalogue import UNLIMITED


@dataclass(frozen=True, slots=True)
class Terms:
    """What a period pins when it starts, so that a later edit of the catalogue applies from the next one.

    `limits` holds every metric, -1 is unlimited. `prices` holds, in cents each, the metrics that may be
    exceeded at a price. `billed` says whether that price is asked in this period already. `observed`
    metrics are counted and shown, but never block and never cost.
    """

    plan: str
    limits: Mapping[str, int]
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    billed: bool = False
    observed: frozenset[str] = frozenset()

    def limit(self, metric: str) -> int:
        """Return what is included of a metric. One that the catalogue got since has no limit here yet."""
        return self.limits.get(metric, UNLIMITED)

    @property
    def limited(self) -> dict[str, int]:
        """The limits that are some: what they leave out is unlimited."""
        return {metric: limit for metric, limit in self.limits.items() if limit != UNLIMITED}

    def bills(self, metric: str) -> bool:
        """Whether use of a metric may cost something under these terms, or count against what does."""
        return self.billed and metric not in self.observed


class Stretch(NamedTuple):
    """A stretch of time `[start, end)` that is a period of a subscription, by Stripe's word."""

    start: datetime
    end: datetime
    subscription_id: str

    def holds(self, instant: datetime) -> bool:
        """Whether an instant lies in it: its first moment does, its end does not."""
        return self.start <= instant < self.end


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time `[start, end)` of one user, and what was counted in it.

    `subscription_id` is None for the calendar month of a user without a subscription. `end` is None while
    Stripe has not said it yet. `spending_cap` is the most overage in cents that the user accepts in it, and
    `beyond` what of each metric's overage an earlier cap kept from being billed. `is_void` says that it
    turned out to be no period: what was counted in it before that was known stays, and is not billed.
    `pinned` is how the terms were written down when they were read, by which a write can say that they
    still stand. `digest` is that of a closed period's row as it closed.
    """

    start: datetime
    end: datetime | None
    subscription_id: str | None
    terms: Terms
    used: Mapping[str, int] = field(default_factory=dict)
    incurred: Mapping[str, int] = field(default_factory=dict)
    spending_cap: int | None = None
    beyond: Mapping[str, int] = field(default_factory=dict)
    closed_at: datetime | None = None
    is_void: bool = False
    pinned: str | None = field(default=None, compare=False)
    digest: str | None = field(default=None, compare=False)

    def holds(self, instant: datetime) -> bool:
        """Whether an instant lies in the period: its first moment does, its end does not."""
        return self.start <= instant and (self.end is None or instant < self.end)

    @property
    def stretch(self) -> Stretch | None:
        """What a timeline tells of it: nothing of a calendar month, and while it is none or has no end."""
        if self.subscription_id is None or self.end is None or self.end <= self.start or self.is_void:
            return None
        return Stretch(self.start, self.end, self.subscription_id)

    @property
    def is_open(self) -> bool:
        """Whether it still takes usage."""
        return self.closed_at is None and not self.is_void


def calendar_month(instant: datetime) -> tuple[datetime, datetime]:
    """Return first moment and end of the UTC calendar month that holds an instant."""
    start = instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (start + timedelta(days=31)).replace(day=1)
    return start, end
