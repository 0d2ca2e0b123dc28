"""A story of one user: Stripe, the ledger and the clock, and what happens at each in turn."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import count

from tests.fakes.table import MemoryTable
from tests.ledger.crashes import CrashingTable, Outside
from tests.ledger.stripe_world import World
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.counting import Counting, Tally
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users
from tollkeeper.periods.closing import PeriodClosing
from tollkeeper.rules.bills import Policy
from tollkeeper.rules.limits import Barrier
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period
from tollkeeper.rules.settling import SETTLING, Settled
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

BEGINNING = datetime(2026, 3, 10, 12, tzinfo=UTC)
OFFER = Offer(load(), date(2000, 1, 1))
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def patience(waits: int = 20) -> Patience:
    """Return patience for so many looks at the clock, which takes no time."""
    left = iter(range(waits, -1, -1))
    return Patience(lambda: float(next(left, 0)), sleep=lambda _: None)


def close_all(table: Table, now: datetime) -> None:
    """Close every period that has ended by now, as if its usage had been waited for."""
    closing = Closing(table)
    settled = Settled(now + SETTLING, None)
    closer = PeriodClosing(closing, Bills(table), World("nobody", now), Policy(), "live")
    for user_id, period_id in list(closing.ended(now)):
        closer.close(user_id, period_id, settled, asks_stripe=True)


class Story:
    """Ada, who begins to subscribe now."""

    def __init__(self, plan: str | None = "starter", trial: timedelta = timedelta(0)) -> None:
        self.table = MemoryTable()
        self.world = World("ada", BEGINNING)
        self.calls: list[str] = []
        self._names = (f"record-{number}" for number in count())
        if plan:
            self.world.subscribe(plan, trial)
            self.hear()

    @property
    def now(self) -> datetime:
        """The time."""
        return self.world.now

    def on_day(self, days: float) -> None:
        """Let time pass until so many days after the beginning."""
        self.world.pass_time(BEGINNING + days * DAY - self.now)

    def hear(self) -> None:
        """Follow a hint of Stripe's."""
        customer = self.world.customer
        synchronise(customer, Users(self.table), self.world, OFFER, Trigger(self.now, event_id="evt"))

    def track(
        self, metric: str, units: int, *, at: datetime | None = None, accepted_at: datetime | None = None
    ) -> Tally:
        """Count units that were used at a time, and note which calls of the table that took."""
        accepted_at = accepted_at or self.now
        record = UsageRecord(next(self._names), "ada", metric, units, at or accepted_at, accepted_at)
        return self.count([record])

    def count(self, records: Iterable[UsageRecord]) -> Tally:
        """Count records, as a batch of the queue brings them."""
        outside = Outside()
        counting = Counting(CrashingTable(self.table, outside), OFFER)
        (user,) = counting.profiles(["ada"])
        tally = counting.count(user, list(records), now=self.now, patience=patience())
        self.calls = outside.calls
        return tally

    def consume(self, metric: str, units: int = 1) -> Barrier | None:
        """Consume so much, if it may be."""
        record = UsageRecord(next(self._names), "ada", metric, units, self.now, self.now)
        outside = Outside()
        done = Consuming(CrashingTable(self.table, outside), OFFER).consume(record, patience())
        self.calls = outside.calls
        return done.barrier

    def accept(self, cap: int | None) -> None:
        """Set a spending cap, in cents, or take it away."""
        SpendingCaps(self.table, OFFER).set("ada", cap, self.now, patience())

    def check(self) -> Period:
        """Return the period that a check shows."""
        return Consuming(self.table, OFFER).look("ada", self.now).period

    def close(self) -> None:
        """Close what has ended, a moment after its usage was surely counted."""
        close_all(self.table, self.now)

    def periods(self) -> list[Period]:
        """Return every period's row, the first to begin first."""
        found = self.table.query(keys.user("ada"), *keys.periods_alone())
        return sorted((rows.period(row) for row in found), key=lambda each: each.start)

    def used(self) -> Mapping[float, Mapping[str, int]]:
        """Return what was counted, by the day on which each period of a subscription began."""
        return {
            (each.start - BEGINNING) / DAY: dict(each.used)
            for each in self.periods()
            if each.subscription_id and any(each.used.values())
        }

    def charges(self) -> Mapping[float, Mapping[str, int]]:
        """Return what closed periods came to, by the day on which each began."""
        found: dict[float, dict[str, int]] = {}
        for bill in Bills(self.table).of_user("ada"):
            day = (bill.period_start - BEGINNING) / DAY
            found[day] = {each.metric: each.quantity for each in bill.charges or ()}
        return found

    def audited(self) -> list[str]:
        """Return what was written down, the first first."""
        found = self.table.query(keys.user("ada"), *keys.audit_trail())
        return [str(row["action"]) for row in reversed(found)]
