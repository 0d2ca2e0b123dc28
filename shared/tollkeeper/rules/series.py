"""Usage told day by day or month by month, nothing left out (DESIGN §4, `GET /usage`)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

MOST_DAYS = 400
"""The longest stretch told at once: a year, and the month before it to compare with."""


class Granularity(StrEnum):
    """What one step of a series stands for."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days (UTC) from the first to the last, both included."""

    first: date
    last: date

    def __len__(self) -> int:
        return max(0, (self.last - self.first).days + 1)

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(number) for number in range(len(self)))


@dataclass(frozen=True, slots=True)
class DayUsage:
    """What was used on one day, by metric."""

    day: date
    used: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FacilityDay:
    """What was used on one day of one facility, by metric; `facility_id` is None where usage named none."""

    day: date
    facility_id: str | None
    used: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """What was used of every metric from one day of a series until the next step, or its end."""

    start: date
    usage: Mapping[str, int]


def span_of(first: date | None, last: date | None, today: date) -> Span:
    """Return the days asked for: until today, and from the first of the month of the last, if not said."""
    last = last or today
    return Span(first or last.replace(day=1), last)


def series(
    span: Span, granularity: Granularity, days: Iterable[DayUsage], metrics: Iterable[str]
) -> list[Step]:
    """Return a step for every day or month that a span touches, in order, each with every metric.

    A month that the span holds in part has the days inside only, and starts with the first of them. Metrics
    that were used but are not among `metrics` any more follow those.
    """
    days = list(days)
    every = dict.fromkeys([*metrics, *(metric for each in days for metric in each.used)], 0)
    starts = {
        day: day if granularity is Granularity.DAY else max(span.first, day.replace(day=1)) for day in span
    }
    sums = {start: dict(every) for start in starts.values()}
    for each in days:
        usage = sums[starts[each.day]]
        for metric, quantity in each.used.items():
            usage[metric] += quantity
    return [Step(start, usage) for start, usage in sums.items()]


def total(steps: Iterable[Step]) -> dict[str, int]:
    """Return what the steps of a series come to, by metric."""
    sums: dict[str, int] = {}
    for step in steps:
        for metric, quantity in step.usage.items():
            sums[metric] = sums.get(metric, 0) + quantity
    return sums
