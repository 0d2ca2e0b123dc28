"""What a seed draws: what people do in this world, and what goes wrong in it."""

from dataclasses import dataclass, fields, replace
from random import Random

from tests.sim.weather import Climate


@dataclass(frozen=True, slots=True)
class Features:
    """Which of it is on."""

    faults: bool = True
    deaths: bool = True
    repeats: bool = True
    late: bool = True
    corrections: bool = True
    consumes: bool = True
    caps: bool = True
    plan_changes: bool = True
    cancels: bool = True
    failing_cards: bool = True
    expiring_cards: bool = True
    hands: bool = True
    lost_webhooks: bool = True
    outages: bool = True
    jumps: bool = True
    edits: bool = True
    trials: bool = True
    organisations: bool = True
    deadly_messages: bool = True
    duplicates: bool = True
    browsing: bool = True
    mirror: bool = True

    @classmethod
    def drawn(cls, chance: Random) -> "Features":
        """Draw each; the mirror, by which nothing is billed, takes long and is drawn less."""
        return cls(
            **{each.name: chance.random() < (0.2 if each.name == "mirror" else 0.6) for each in fields(cls)}
        )

    @property
    def on(self) -> list[str]:
        """The names of those that are on."""
        return [each.name for each in fields(self) if getattr(self, each.name)]

    def without(self, name: str) -> "Features":
        """Return the same with one less."""
        return replace(self, **{name: False})

    @property
    def settings(self) -> dict[str, str]:
        """What the deployer sets for it, beside what is set anyhow."""
        if self.organisations:
            return {"USER_CLAIM": "org_id", "BILLING_CLAIM": "org_role=admin"}
        return {}

    def climate(self, chance: Random) -> Climate:
        """Draw how bad the weather is."""
        share = chance.choice([0.002, 0.01, 0.03]) if self.faults else 0.0
        return Climate(
            dies=chance.choice([0.001, 0.004, 0.01]) if self.deaths else 0.0,
            throttles=share,
            conflicts=share,
            table_timeouts=share,
            deadly=0.02 if self.deadly_messages else 0.0,
            stripe_fails=chance.choice([0.01, 0.03, 0.08]) if self.faults else 0.0,
        )
