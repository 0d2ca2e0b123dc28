"""What is counted and sold: metrics, plans, routes, and the names they have in Stripe."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

FREE = "free"
"""The plan of every user without a live subscription."""

UNLIMITED = -1
"""The limit that nothing exceeds."""


class Mode(StrEnum):
    """Whether a metric's limit has consequences."""

    ENFORCE = "enforce"
    OBSERVE = "observe"
    """Counted and shown, never blocked, never billed."""


class TaxBehavior(StrEnum):
    """Whether tax comes on top of the prices; Stripe never lets a price change it."""

    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"


class LatePolicy(StrEnum):
    """What becomes of a record whose period was closed before it arrived."""

    COUNT = "count"
    """It counts in the user's open period."""
    DROP = "drop"
    """It is shown and counts nowhere."""


class Count(StrEnum):
    """When the client counts a request."""

    BEFORE = "before"
    """Consumed before it is done, and released when it fails: a limit is never passed."""
    AFTER = "after"
    """Counted once it has succeeded, many requests in one record."""


class Unreachable(StrEnum):
    """What the client does with a request that is counted before, while Tollkeeper does not answer."""

    OPEN = "open"
    """It is let through, and counted later."""
    CLOSED = "closed"
    """It is answered 503."""


NONE = "none"
"""What the route map says of requests that are counted as no metric, for a reason."""


def overage_name(metric: str) -> str:
    """Return the id of the product, and the lookup key of the price, that a metric's overage is sold as.

    Also of a metric that the catalogue has no more.
    """
    return f"tollkeeper_{metric}_overage"


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that is counted.

    Attributes:
        name: The `eventType` of the API.
        display_name: What customers read, such as "API calls".
        unit: What one of it is called, such as "API call".
        overage_price: Cents per unit over the limit, possibly fractional; None when it has no price.
        mode: Whether its limits have consequences.
        late: What becomes of records that come after their period was closed.
        mirror: Whether Stripe is shown each day's usage of it.
        count: When the client counts a request.
        unreachable: What the client does with one while Tollkeeper does not answer.
    """

    name: str
    display_name: str
    unit: str
    overage_price: Decimal | None
    mode: Mode
    late: LatePolicy
    mirror: bool
    count: Count = Count.BEFORE
    unreachable: Unreachable = Unreachable.OPEN

    @property
    def product_id(self) -> str:
        """The id of its product in Stripe, which stays when the price changes."""
        return overage_name(self.name)

    @property
    def price_lookup_key(self) -> str:
        """The lookup key of its one-time price in Stripe."""
        return overage_name(self.name)

    @property
    def usage_meter_name(self) -> str:
        """The event name of the meter that shows its usage in Stripe, where nothing is billed by it."""
        return f"tollkeeper_{self.name}_usage"


@dataclass(frozen=True, slots=True)
class Plan:
    """Something that is sold by the month.

    Attributes:
        name: The plan's id, such as "starter".
        display_name: What customers read, such as "Solo Design".
        price: Cents per month.
        limits: What a period includes of every metric; `UNLIMITED` where nothing limits it.
    """

    name: str
    display_name: str
    price: int
    limits: Mapping[str, int]

    @property
    def product_id(self) -> str:
        """The id of its product in Stripe, which stays when the price changes."""
        return f"tollkeeper_{self.name}"

    @property
    def price_lookup_key(self) -> str:
        """The lookup key of its monthly base price in Stripe."""
        return f"tollkeeper_{self.name}_monthly"


@dataclass(frozen=True, slots=True)
class Route:
    """Requests that count as one metric, or as none.

    Attributes:
        metric: The metric's name; `NONE` for requests that are not counted.
        method: The HTTP method in upper case; None for any.
        segments: The path between its slashes; "*" stands for any one segment.
        below: Whether everything below that path matches too.
        reason: Why its requests are not counted; empty where they are.
    """

    metric: str
    method: str | None
    segments: tuple[str, ...]
    below: bool
    reason: str = ""

    @property
    def is_catch_all(self) -> bool:
        """Whether every path matches, so that it says nothing about any of them."""
        return self.below and not self.segments

    def __str__(self) -> str:
        path = "".join(f"/{segment}" for segment in (*self.segments, *["**"] * self.below))
        return f"{self.method or 'any method'} {path or '/'}"

    def matches(self, method: str | None, segments: tuple[str, ...]) -> bool:
        """Whether a request with this upper-case method and these path segments is one of them."""
        return (
            self.method in {None, method}
            and (len(segments) == len(self.segments) or (self.below and len(segments) > len(self.segments)))
            and all(mine in {"*", theirs} for mine, theirs in zip(self.segments, segments, strict=False))
        )

    def covers(self, other: "Route") -> bool:
        """Whether it matches whatever the other route matches."""
        return self.below >= other.below and self.matches(other.method, other.segments)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that is counted and sold, in the order of the file.

    Attributes:
        currency: The ISO 4217 code in lower case, as Stripe writes it.
        tax_behavior: Whether tax comes on top of the prices or is in them.
        trial_days: Length of a paid plan's trial in days; 0 for none.
        metrics: Every metric by its name.
        plans: Every plan by its name, `FREE` among them.
        routes: The route map; the first match wins.
        automatic_tax: Whether Stripe reckons and collects taxes by itself.
        collect_tax_ids: Whether customers are asked for their tax id.
        trial_without_card: Whether a trial begins without a payment method; without one it ends for good.
        payment_methods: What can be paid with, of all that the account offers; nothing means all of it.
    """

    currency: str
    tax_behavior: TaxBehavior
    trial_days: int
    metrics: Mapping[str, Metric]
    plans: Mapping[str, Plan]
    routes: tuple[Route, ...]
    automatic_tax: bool = False
    collect_tax_ids: bool = False
    trial_without_card: bool = False
    payment_methods: tuple[str, ...] = ()

    @property
    def priced_metrics(self) -> tuple[Metric, ...]:
        """The metrics whose overage has a price."""
        return tuple(metric for metric in self.metrics.values() if metric.overage_price is not None)

    @property
    def mirrored_metrics(self) -> tuple[Metric, ...]:
        """The metrics whose usage Stripe is shown."""
        return tuple(metric for metric in self.metrics.values() if metric.mirror)

    @property
    def paid_plans(self) -> tuple[Plan, ...]:
        """The plans one subscribes to: all but `FREE`."""
        return tuple(plan for plan in self.plans.values() if plan.name != FREE)

    def route_for(self, method: str, path: str) -> Route | None:
        """The first line of the route map that a request matches; None when there is none.

        Args:
            method: The HTTP method, in any case.
            path: The URL's path without its query.
        """
        method = method.upper()
        segments = segments_of(path)
        return next((route for route in self.routes if route.matches(method, segments)), None)


def segments_of(path: str) -> tuple[str, ...]:
    """What stands between a path's slashes; empty segments are ignored, as most servers do."""
    return tuple(segment for segment in path.split("/") if segment)
