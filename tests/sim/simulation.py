"""One seed: a world is drawn, lived and audited."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta

from tests.sim.auditor.audit import Auditor
from tests.sim.chance import seeded
from tests.sim.features import Features
from tests.sim.world import QUIET, START, World

DAYS = 75
"""How long a seed lives: two periods after a trial, and what becomes of them."""


@dataclass
class Lived:
    """What became of a seed."""

    seed: int
    features: Features
    days: int
    people: int
    findings: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def customer_years(self) -> float:
        """How much of customers' time was lived."""
        return self.days * self.people / 365


def live(
    seed: int,
    features: Features | None = None,
    days: int = DAYS,
    people: int | None = None,
    plant: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Lived:
    """Live a seed; without `features` it draws them. `plant` may break the product on purpose."""
    began = time.process_time()
    with plant(), seeded(seed) as chance:
        drawn = Features.drawn(chance)
        number = chance.choice([1, 2, 3])
        world = World(chance, features or drawn, days, people or number)
        lived = Lived(seed, world.features, days, len(world.users))
        world.live()
        verdict = Auditor(world.evidence(), world.users, START + timedelta(days=days) + QUIET).audit()
        lived.findings, lived.seen = verdict.findings, verdict.seen
        lived.marks = world.marks()
        lived.story = world.journal.story
        lived.seconds = time.process_time() - began
    return lived
