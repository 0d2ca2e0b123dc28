"""Two functions follow events while Stripe goes on, in any order: an answer is shared where it holds."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import product

from tests.examples import NOW, OFFER, SUBSCRIPTION
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe_events import METADATA, snapshot
from tests.fakes.table import MemoryTable
from tests.ledger.turns import Turns
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users
from tollkeeper.stripe.event_queue import DeadEvent
from tollkeeper.subscriptions.event_batch import EventBatch, QueuedEvent
from tollkeeper.subscriptions.stripe_events import StripeEvents

STEPS = 6
PLANS = ("starter", "professional", "enterprise")
STRIPE, *FUNCTIONS = range(3)


@dataclass
class World:
    """Stripe, what it has told, and the wall clock, which goes on by three seconds with each change."""

    stripe: FakeStripe = field(default_factory=lambda: FakeStripe(SUBSCRIPTION))
    instant: datetime = NOW
    queue: list[QueuedEvent] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        self.stripe.create_customer("ada")
        self.stripe.while_listing = self._count

    def now(self) -> datetime:
        """Return the wall clock's time."""
        return self.instant

    def at(self, wall: datetime) -> datetime:
        """Return its own time."""
        return wall

    def change(self, table: Table) -> None:
        """Change the plan again and again, and tell of it."""
        for plan in PLANS:
            list(table.get_all([]))  # a call at which the others may go on
            self.stripe.held[0] = replace(self.stripe.held[0], plan=plan)
            event = snapshot("customer.subscription.updated", f"evt_{plan}", metadata=METADATA)
            self.queue.append(QueuedEvent(plan, json.dumps(event), 1, self.instant))
            self.instant += timedelta(seconds=3)

    def follow(self, table: Table) -> None:
        """Follow what is on the queue, once."""
        list(table.get_all([]))
        messages, self.queue = self.queue, []
        batch = EventBatch(messages, StripeEvents(Users(table), self.stripe, OFFER, "live", self))
        followed = batch.follow(NOW, Patience(lambda: 900), self)
        assert set() == followed.failed

    def keep(self, events: Sequence[DeadEvent]) -> list[int]:
        """Keep no dead letters: there are none."""
        raise AssertionError(events)

    def _count(self) -> None:
        self.asked += 1


def test_whoever_goes_on_when_the_row_ends_as_stripe_has_it() -> None:
    """All orders of three changes and two functions; some of them ask less often than they are told."""
    shared = 0
    for schedule in product(range(3), repeat=STEPS):
        world, table = World(), MemoryTable()
        Users(table).bind_customer("ada", "cus_ada")
        Turns(table, [world.change, world.follow, world.follow]).take(schedule)
        world.follow(table)
        user = Users(table).read("ada", NOW)
        assert user.subscription
        assert PLANS[-1] == user.subscription.plan, schedule
        shared += world.asked < len(PLANS)
    assert shared
