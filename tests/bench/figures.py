"""Figures and the bounds they have to keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure. `most` is the bound it has to keep, None for what is shown for comparison only."""

    key: str
    meaning: str
    value: float
    most: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the bound is kept."""
        return self.most is None or self.value <= self.most


@dataclass(frozen=True, slots=True)
class Paired:
    """Times of ours and of what it is compared with, taken in turns.

    A busy machine slows both of a pair. So it is each pair's own ratio that tells, and the median of those:
    it varies a quarter as much as the ratio of two medians.
    """

    pairs: Sequence[tuple[float, float]]

    @property
    def ratio(self) -> float:
        """How many times as long ours takes."""
        return median(ours / theirs for ours, theirs in self.pairs)

    def __str__(self) -> str:
        ours, theirs = (median(column) for column in zip(*self.pairs, strict=True))
        return f"{ours:.3g} / {theirs:.3g}"
