"""One seed: a world is drawn, lived and audited."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from tests.sim.auditor.audit import Auditor
from tests.sim.chance import seeded
from tests.sim.evidence import evidence_of, marks_of
from tests.sim.features import Features
from tests.sim.world import World

DAYS = (75, 110)
"""How long a seed lives: two periods after a trial or more, and what becomes of them."""


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
    days: int | None = None,
    people: int | None = None,
    plant: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Lived:
    """Live a seed; without `features` it draws them. `plant` may break the product on purpose."""
    began = time.process_time()
    with plant(), seeded(seed) as chance:
        drawn = Features.drawn(chance)
        number, lives = chance.choice([1, 2, 3]), chance.choice(DAYS)
        world = World(chance, features or drawn, days or lives, people or number)
        lived = Lived(seed, world.features, days or lives, len(world.users))
        with world.house.standing():
            world.live()
            verdict = Auditor(evidence_of(world), world.users, world.house.now).audit()
        lived.findings, lived.seen = verdict.findings, verdict.seen
        lived.marks = marks_of(world)
        lived.story = world.journal.story
        lived.seconds = time.process_time() - began
    return lived
