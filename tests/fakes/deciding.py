"""Ada, who decides about her subscription: her ledger, her Stripe account, and what works on both."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

from tests.examples import NOW, OFFER, SUBSCRIPTION
from tests.fakes.stripe import FakeStripe
from tests.fakes.table import MemoryTable
from tests.ledger.crashes import Beyond, CrashingTable, Outside
from tollkeeper.ledger import keys
from tollkeeper.ledger.decisions import Decisions
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Row, Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.decisions import Decision
from tollkeeper.rules.subscriptions import Cause, Subscription
from tollkeeper.rules.users import User
from tollkeeper.subscriptions.cancellations import CancelAt, Cancellations
from tollkeeper.subscriptions.deciding import Deciding, StripeForDecisions
from tollkeeper.subscriptions.plan_changes import PlanChanges
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

type Ask = Callable[["Desk"], object]


def patient() -> Patience:
    """Return time enough, in which nobody sleeps."""
    return Patience(lambda: 60.0, lambda _: None)


@dataclass
class Desk:
    """Where one request is answered: with a table and a Stripe that it may reach its own way."""

    plans: PlanChanges
    ends: Cancellations
    now: datetime

    def change(self, plan: str, key: str | None = None) -> object:
        """Ask for a plan."""
        return self.plans.change("ada", plan, key, self.now, patient())

    def cancel(self, at: CancelAt = CancelAt.PERIOD_END) -> object:
        """Cancel."""
        return self.ends.cancel("ada", at, None, self.now, patient())

    def resume(self) -> object:
        """Resume."""
        return self.ends.resume("ada", None, self.now, patient())


@dataclass(frozen=True)
class AtOnce:
    """Cancelling now, as far as a decision sees of it; tests of its own see the rest."""

    stripe: StripeForDecisions

    def cancel(self, user_id: str, now: datetime, patience: Patience) -> Subscription:
        """End what lives."""
        del user_id, now, patience
        (found,) = self.stripe.subscriptions_of("cus_ada")
        if found.is_live:
            self.stripe.cancel_subscription(found.id, Cause.DUPLICATE)
        return found


@dataclass
class Household:
    """What outlives a process: the table, and Stripe."""

    table: MemoryTable = field(default_factory=MemoryTable)
    stripe: FakeStripe = field(default_factory=lambda: FakeStripe(SUBSCRIPTION))
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.stripe.create_customer("ada")
        self.hear()

    def hear(self) -> None:
        """Let a webhook arrive."""
        synchronise("cus_ada", Users(self.table), self.stripe, OFFER, Trigger(self.now))

    def wait(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by
        self.stripe.now = self.now

    def be(self, **to: object) -> None:
        """Let something of her subscription be otherwise, as Stripe and the ledger know."""
        self.stripe.held[0] = replace(self.stripe.held[0], **to)  # type: ignore[arg-type]
        self.hear()

    def desk(self, table: Table | None = None, stripe: object = None) -> Desk:
        """Return where a request is answered."""
        reached = cast("StripeForDecisions", stripe or self.stripe)
        rows = table or self.table
        deciding = Deciding(Users(rows), Decisions(rows), reached, OFFER, "live")
        return Desk(PlanChanges(deciding), Cancellations(deciding, AtOnce(reached)), self.now)

    def beyond(self, outside: Outside) -> Desk:
        """Return where a request is answered whose every call may be the last."""
        return self.desk(CrashingTable(self.table, outside), Beyond(self.stripe, outside))

    @property
    def user(self) -> User:
        """Her row."""
        return Users(self.table).read("ada", self.now)

    @property
    def decision(self) -> Decision:
        """Her last decision."""
        found = self.user.decision
        assert found
        return found

    def trail(self) -> list[tuple[str, str]]:
        """Who did what, in no order."""
        first, last = keys.audit_trail()
        rows: list[Row] = self.table.query(keys.user("ada"), first, last)
        return sorted((str(row["actor"]), str(row["details"])) for row in rows)
