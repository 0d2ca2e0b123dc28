"""How the days of a metric are told apart by facility, so that the parts sum to the whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tollkeeper.rules.series import FacilityDay, Span


class Share(StrEnum):
    """Whose part of a day's usage it is."""

    FACILITY = "facility"
    OTHERS = "others"
    """All facilities that are too small to be told apart."""
    WITHOUT = "without"
    """Usage that named no facility."""


@dataclass(frozen=True, slots=True)
class FacilityUsage:
    """What one facility, or several, used on each day of a span; `facility_id` is one's own."""

    share: Share
    facility_id: str | None
    by_day: Sequence[int]
    count: int = 1

    @property
    def total(self) -> int:
        """What the days come to."""
        return sum(self.by_day)


def by_facility(span: Span, days: Iterable[FacilityDay], metric: str, most: int) -> list[FacilityUsage]:
    """Return a metric's usage by facility, the largest first, at most so many by themselves.

    The smaller ones are summed as others, and what named no facility comes last. Together they are all there
    is of the metric on these days.
    """
    positions = {day: number for number, day in enumerate(span)}
    sums: dict[str | None, list[int]] = {}
    for each in days:
        if each.used.get(metric):
            by_day = sums.setdefault(each.facility_id, [0] * len(positions))
            by_day[positions[each.day]] += each.used[metric]
    without = sums.pop(None, None)
    ordered = sorted(sums.items(), key=lambda each: (-sum(each[1]), str(each[0])))
    found = [FacilityUsage(Share.FACILITY, name, by_day) for name, by_day in ordered[:most]]
    if rest := [by_day for _, by_day in ordered[most:]]:
        summed = [sum(quantities) for quantities in zip(*rest, strict=True)]
        found.append(FacilityUsage(Share.OTHERS, None, summed, len(rest)))
    if without is not None:
        found.append(FacilityUsage(Share.WITHOUT, None, without))
    return found


def fewer(parts: Sequence[FacilityUsage], most: int) -> list[FacilityUsage]:
    """Return the same with fewer facilities by themselves: the smaller ones are summed as others."""
    named = [each for each in parts if each.share is Share.FACILITY]
    rest = [*named[most:], *(each for each in parts if each.share is Share.OTHERS)]
    found = named[:most]
    if rest:
        summed = [sum(quantities) for quantities in zip(*(each.by_day for each in rest), strict=True)]
        found.append(FacilityUsage(Share.OTHERS, None, summed, sum(each.count for each in rest)))
    return [*found, *(each for each in parts if each.share is Share.WITHOUT)]
