"""How fast writers try again at one row that many are at.

Of transactions at one row within some milliseconds DynamoDB makes one and cancels the others, which have
cost as much. If all of them came back at once, the row would take less the more there are. So whoever lost
looks how fast the row is being written to: if that is as fast as it can be, they stay away for a while.
"""

import random
from dataclasses import dataclass

from tollkeeper.ledger.patience import Patience

CROWDED = 45.0
"""Units a second which a row may well take, and above which more attempts would only hinder each other."""

SOON = ((0.15, 0.35), (0.2, 1.0), (1.0, 4.0))
"""Seconds, from and to, before the second attempt, the third, and all that follow."""

AWAY = (0.5, 4.0)
"""Seconds for which somebody stays away from a row that is written to as fast as it can be."""


@dataclass(slots=True)
class Pace:
    """One caller's attempts at a row. `patience` ends them."""

    patience: Patience
    _lost: int = 0
    _seen: tuple[float, int] | None = None

    def is_crowded(self, units: int) -> bool:
        """Whether the row, with so many units now, was written to as fast as it can be since last seen."""
        left = self.patience.seconds_left
        before, self._seen = self._seen, (left, units)
        if before is None or before[0] <= left:
            return False
        return (units - before[1]) / (before[0] - left) > CROWDED

    def stay_away(self) -> None:
        """Wait until a crowd may have passed.

        Raises:
            ContendedError: time was up.
        """
        self.patience.wait_for(random.uniform(*AWAY))  # noqa: S311 - spreads load, guards nothing

    def lose(self) -> None:
        """Wait after an attempt that met another.

        Raises:
            ContendedError: time was up.
        """
        soon = SOON[min(self._lost, len(SOON) - 1)]
        self._lost += 1
        self.patience.wait_for(random.uniform(*soon))  # noqa: S311 - spreads load, guards nothing
