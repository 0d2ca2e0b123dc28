"""What is sold, by the design's own table (§2): limits, cents a unit beyond, and later edits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

PLANS = {2_900: "starter", 9_900: "professional", 29_900: "enterprise"}
"""Which plan costs so much a month, in cents."""

LIMITS: Mapping[str, Mapping[str, int]] = {
    "free": {"apiCalls": 100, "aiQueries": 10, "exports": 5, "designsCreated": 3, "mlPredictions": 10},
    "starter": {
        "apiCalls": 1_000,
        "aiQueries": 100,
        "exports": 50,
        "designsCreated": 50,
        "mlPredictions": 100,
    },
    "professional": {"apiCalls": 10_000, "aiQueries": 1_000, "exports": 500, "mlPredictions": 1_000},
    "enterprise": {},
}
"""What a plan includes of each metric; what is not named is unlimited."""

PRICES: Mapping[str, int] = {"apiCalls": 1, "aiQueries": 10, "exports": 50}
"""Cents for each unit over the limit, in the catalogue's order; what is not named has a hard limit."""


@dataclass(frozen=True)
class Sold:
    """What is sold from some time on."""

    since: datetime
    limits: Mapping[str, Mapping[str, int]]
    prices: Mapping[str, int]

    def over(self, plan: str, metric: str, used: int) -> int:
        """Return how much is used beyond a plan's limit."""
        limit = self.limits[plan].get(metric)
        return 0 if limit is None else max(0, used - limit)


def sold(entries: Sequence[Mapping[str, Any]], beginning: datetime) -> list[Sold]:
    """Return what was sold, edit by edit, the oldest first."""
    found = [Sold(beginning, LIMITS, PRICES)]
    for entry in entries:
        if entry["request"] == "another catalogue":
            edit, before = entry["body"], found[-1]
            limits = {plan: {**each, **edit["limits"].get(plan, {})} for plan, each in before.limits.items()}
            since = datetime.fromisoformat(entry["at"])
            found.append(Sold(since, limits, {**before.prices, **edit["prices"]}))
    return found


def plans_by_price(entries: Sequence[Mapping[str, Any]]) -> Mapping[int, str]:
    """Return which plan was ever sold at so many cents a month."""
    found = dict(PLANS)
    for entry in entries:
        if entry["request"] == "another catalogue":
            found |= {int(cents): plan for cents, plan in entry["body"]["plans"].items()}
    return found


def in_force(everything: Sequence[Sold], first: datetime, last: datetime) -> list[Sold]:
    """Return what was sold at some time in a stretch of it."""
    begins = [each.since for each in everything]
    ends = [*begins[1:], datetime.max.replace(tzinfo=first.tzinfo)]
    return [
        each
        for each, begin, end in zip(everything, begins, ends, strict=True)
        if begin <= last and first < end
    ]


SOON = timedelta(days=5)
"""After so long a sweep has found what webhooks missed."""


@dataclass(frozen=True)
class Jump:
    """A stretch of time in which nothing ran."""

    begin: datetime
    end: datetime


def jumps(entries: Sequence[Mapping[str, Any]]) -> list[Jump]:
    """Return the stretches of time in which nothing ran."""
    return [
        Jump(datetime.fromisoformat(entry["at"]), datetime.fromisoformat(entry["body"]["to"]))
        for entry in entries
        if entry["request"] == "the clock jumps"
    ]


def later(moment: datetime, by: timedelta, stood_still: Sequence[Jump]) -> datetime:
    """Return when so much time has passed in which things ran."""
    end = moment + by
    for each in sorted(stood_still, key=lambda each: each.begin):
        if each.end > moment and each.begin < end:
            end += each.end - max(moment, each.begin)
    return end


def unheard_until(moment: datetime, stood_still: Sequence[Jump]) -> datetime | None:
    """Return until when nobody may have heard of what Stripe did at a moment; None if nothing stood still.

    Where the clock soon jumps again, nothing may have been heard in between.
    """
    ends = [each.end for each in stood_still if each.begin <= moment <= each.end]
    return later(max(ends), SOON, stood_still) if ends else None
