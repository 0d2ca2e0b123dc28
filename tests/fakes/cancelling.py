"""Ada, who is about to cancel: her ledger, her Stripe account, and all that works on both."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import cast

from tests.examples import CATALOGUE, END, NOW, OFFER, START, SUBSCRIPTION
from tests.fakes.renewing_stripe import RenewingStripe
from tests.fakes.runtime import FixedClock
from tests.fakes.table import MemoryTable
from tests.ledger.crashes import Beyond, CrashingTable, Outside
from tollkeeper.ledger import keys
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.consuming import Consuming, Consumption
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Row, Table
from tollkeeper.ledger.users import Users
from tollkeeper.periods.charging import Charging
from tollkeeper.periods.closing import PeriodClosing
from tollkeeper.periods.finishing import Finishing
from tollkeeper.periods.reporter import Reporter
from tollkeeper.periods.settling import Settling
from tollkeeper.rules.bills import Bill, Policy, State
from tollkeeper.rules.periods import Period
from tollkeeper.rules.settling import Settled
from tollkeeper.rules.subscriptions import Subscription
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.subscriptions.cancelling import CancelNow
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

POLICY = Policy()
CANCELED = END + timedelta(minutes=30, microseconds=250_000)
"""When Ada cancels where her draft is held: half an hour after her subscription was renewed."""


class Patient(Patience):
    """Time enough, in which nobody sleeps; what was waited is noted."""

    def __init__(self, seconds: float = 60.0) -> None:
        self.waited = 0.0
        super().__init__(lambda: seconds - self.waited, self._note)

    def _note(self, seconds: float) -> None:
        self.waited += seconds


class Queue:
    """The usage queue, on which nothing waits unless it is `busy`."""

    busy = False

    def is_empty(self) -> bool:
        """Whether nothing does."""
        return not self.busy

    def oldest(self, now: datetime) -> datetime | None:
        """Return what trackers have noted: nothing."""
        del now
        return None


class World:
    """Ada's, from the middle of her first period on; `now` is the time everywhere."""

    def __init__(self, *subscriptions: Subscription, table: Table | None = None) -> None:
        self.stripe = RenewingStripe(*(subscriptions or (SUBSCRIPTION,)))
        self.stripe.create_customer("ada")
        self.table = table or MemoryTable()
        self.queue = Queue()
        self.now = NOW
        self._names = count(1)
        self.hear()

    # What goes on.

    def wait(self, until: datetime) -> None:
        """Let time pass, here and at Stripe."""
        self.now = until
        self.stripe.pass_time(until)

    def hear(self, outside: Outside | None = None) -> None:
        """Let a webhook or the sweep ask Stripe."""
        users, stripe = Users(self._table(outside)), self._stripe(outside)
        synchronise("cus_ada", users, stripe, OFFER, Trigger(self.now))

    def use(self, metric: str, units: int, at: datetime | None = None) -> None:
        """Let Ada's use be tracked."""
        record = UsageRecord(f"use-{next(self._names)}", "ada", metric, units, at or self.now, self.now)
        user = Users(self.table).read("ada", self.now)
        Counting(self.table, OFFER).count(user, [record], now=self.now, patience=Patient())

    def consume(self, metric: str, units: int = 1, table: Table | None = None) -> Consumption:
        """Let Ada ask whether she may, and do it if so."""
        record = UsageRecord(f"wish-{next(self._names)}", "ada", metric, units, self.now, self.now)
        return Consuming(table or self.table, OFFER).consume(record, Patient())

    def cancel(
        self, outside: Outside | None = None, table: Table | None = None, patience: Patience | None = None
    ) -> Subscription:
        """Let Ada cancel now."""
        table, stripe = table or self._table(outside), self._stripe(outside)
        bills = Bills(table)
        finishing = Finishing(bills, Charging(bills, stripe, CATALOGUE, POLICY, "live"), stripe)
        return CancelNow(Users(table), finishing, stripe, OFFER).cancel(
            "ada", self.now, patience or Patient()
        )

    def report(self, table: Table | None = None) -> None:
        """Run the reporter."""
        table = table or self.table
        charging = Charging(Bills(table), self.stripe, CATALOGUE, POLICY, "live")
        settling = Settling(self.queue, self.queue)
        Reporter(table, charging, settling, FixedClock(self.now)).run(Patience(lambda: 900.0))

    def settle(self, hours: int = 3) -> None:
        """Let hours pass in which the reporter runs every quarter."""
        for _ in range(4 * hours):
            self.wait(self.now + timedelta(minutes=15))
            self.report()

    def hold(self, state: State, *, settled: bool = True) -> Bill:
        """Renew Ada's subscription with a hundred calls to pay, and bring her bill into a state on its draft.

        Unless `settled`, the period is still open, since usage may come.
        """
        self.use("apiCalls", 10_100)
        self.wait(END + timedelta(minutes=10))
        draft = self.stripe.renew_now(SUBSCRIPTION.id)
        self.hear()
        name = keys.period_name(START, SUBSCRIPTION.id)
        bills, closing = Bills(self.table), Closing(self.table)
        if settled:
            settled_now = Settled(self.now, None)
            _, bill = PeriodClosing(closing, bills, self.stripe, POLICY, "live").close(
                "ada", name, settled_now, asks_stripe=True
            )
            assert bill
        else:
            bill = Bill("ada", "cus_ada", SUBSCRIPTION.id, START, END, State.OWED, self.now)
            bill = bills.write(None, bill, self.now)
        if state is State.RELEASED:
            bill = Charging(bills, self.stripe, CATALOGUE, POLICY, "live").advance(bill, self.now)
            assert bill.state is state
        else:
            bill = bills.write(bill, bill.moved(state, self.now, invoice_id=draft), self.now)
        self.wait(CANCELED)
        self.use("apiCalls", 10_050)
        return bill

    def change_bill(self, **to: object) -> None:
        """Write Ada's one bill as it is but for something, as somebody else may at any time."""
        bills = Bills(self.table)
        (bill,) = self.bills
        bills.write(bill, replace(bill, **to), self.now)  # type: ignore[arg-type]

    # What came of it.

    @property
    def subscription(self) -> Subscription | None:
        """The subscription in Ada's row."""
        return Users(self.table).read("ada", self.now).subscription

    @property
    def periods(self) -> list[Period]:
        """Ada's periods, the oldest first."""
        found = Users(self.table).history("ada").periods
        return sorted(found, key=lambda each: (each.start, each.subscription_id or ""))

    @property
    def paid_periods(self) -> list[Period]:
        """Those of them that were of her subscription."""
        return [each for each in self.periods if each.subscription_id and not each.is_void]

    @property
    def bills(self) -> list[Bill]:
        """What they owe, the newest first."""
        return Bills(self.table).of_user("ada")

    @property
    def charged(self) -> list[tuple[str, int, int]]:
        """Every line that stands on an invoice which is final: on which, of how many, for how many cents."""
        return [
            (each.invoice.id, line.quantity, line.amount)
            for each in self.stripe.kept.values()
            for line in each.invoice.lines
            if not each.invoice.is_draft
        ]

    def rows(self, kind: str) -> list[Row]:
        """Ada's rows of a kind."""
        return self.table.query(keys.user("ada"), f"{kind}#", f"{kind}$")

    def trail(self) -> list[str]:
        """What was audited, without its time."""
        return sorted(f"{row['action']} {row['actor']} {row['details']}" for row in self.rows("AUDIT"))

    def outcome(self) -> dict[str, object]:
        """All that must be the same in the end, however it came about."""
        user = Users(self.table).history("ada")
        return {
            "user": replace(user, rev=0),
            "bills": [replace(each, rev=0) for each in self.bills],
            "trail": self.trail(),
            "announced": sorted(f"{row['kind']} {row['detail']}" for row in self.rows("ANNOUNCEMENT")),
            "at Stripe": (self.stripe.held, set(self.stripe.canceled)),
            "invoices": [each.invoice for each in self.stripe.kept.values()],
        }

    def _table(self, outside: Outside | None) -> Table:
        return CrashingTable(self.table, outside) if outside else self.table

    def _stripe(self, outside: Outside | None) -> RenewingStripe:
        return cast("RenewingStripe", Beyond(self.stripe, outside)) if outside else self.stripe


def actions(trail: Sequence[str]) -> list[str]:
    """Return what happened, of entries of a trail."""
    return [each.split()[0] for each in trail]
