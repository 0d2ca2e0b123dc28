"""Figures and the bounds they have to keep."""

from dataclasses import dataclass


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
