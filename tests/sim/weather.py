"""What goes wrong outside: with the table, with Stripe, with queues and bus, with the process itself."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random


class Died(BaseException):
    """The process is gone, between two outside calls. Nothing may catch this."""


@dataclass(frozen=True, slots=True)
class Climate:
    """How often what goes wrong, as shares of the calls; a seed draws one."""

    dies: float = 0.0
    throttles: float = 0.0
    conflicts: float = 0.0
    table_timeouts: float = 0.0
    stripe_fails: float = 0.0
    deadly: float = 0.0


class Weather:
    """Strikes calls by chance, and all of them while something is away. Calm, it does nothing."""

    def __init__(self, chance: Random, climate: Climate, now: Callable[[], datetime]) -> None:
        self.is_calm = False
        self.is_deadly = False
        self.climate = climate
        self.marks: Counter[str] = Counter()
        self.away: dict[str, datetime] = {}
        self._chance = chance
        self._now = now

    def strikes(self, share: float) -> bool:
        """Whether something of which a share goes wrong goes wrong now."""
        return not self.is_calm and share > 0 and self._chance.random() < share

    def drawn[T](self, among: Sequence[T]) -> T:
        """Draw one."""
        return self._chance.choice(among)

    def is_away(self, what: str) -> bool:
        """Whether something is away for a day."""
        return not self.is_calm and what in self.away and self._now() < self.away[what]

    def may_die(self, where: str, times: int = 1) -> None:
        """Let the process die here, sometimes; so many times as often where it is seldom."""
        if self.strikes(min(0.5, self.climate.dies * times)):
            self.marks[f"deaths {where}"] += 1
            raise Died
