"""Ada's month has ended at Stripe and in the ledger, and the reporter runs: in memory, minute by minute."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from tests.fakes.invoices import HeldInvoice
from tests.fakes.runtime import FixedClock
from tests.fakes.stripe import FakeStripe
from tests.fakes.table import MemoryTable
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Row, Table
from tollkeeper.ledger.tracking import QueueBacklog
from tollkeeper.ledger.users import Users
from tollkeeper.periods.charging import Charging, StripeForCharging
from tollkeeper.periods.reporter import Reporter, Several
from tollkeeper.periods.settling import Settling
from tollkeeper.rules.bills import Bill, Policy
from tollkeeper.rules.invoices import InvoiceLine, InvoiceStatus
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

BEGINNING = datetime(2026, 3, 10, 12, tzinfo=UTC)
MONTH = timedelta(days=30)
END = BEGINNING + MONTH
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
RUN = 15 * MINUTE
OFFER = Offer(load(), date(2000, 1, 1))
BUSY = {"apiCalls": 1_500, "aiQueries": 120, "exports": 60}
"""What Ada uses: of the starter plan's limits 500, 20 and 10 too much, for 500 + 200 + 500 cents."""


@dataclass
class Queue:
    """A usage queue, by SQS's own numbers."""

    is_clear: bool = True

    def is_empty(self) -> bool:
        """Whether nothing is on it."""
        return self.is_clear


class Kept:
    """What a ledger says of charges in the end."""

    table: MemoryTable

    def bill(self, user: str = "ada") -> Bill:
        """Return a user's newest bill."""
        return Bills(self.table).of_user(user)[0]

    def rows(self, kind: str) -> list[Row]:
        """Return rows of all users, by how their sort keys begin."""
        return [row for key, row in self.table.rows.items() if key.sk.startswith(kind)]

    def audited(self) -> list[str]:
        """Return what was written down about charges, the first first."""
        found = sorted(self.rows("AUDIT#"), key=lambda row: str(row["sk"]))
        return [action for row in found if (action := str(row["action"])).startswith("OVERAGE")]


class House(Kept):
    """A ledger, a Stripe account and a reporter. Users come by `subscribe`."""

    def __init__(
        self,
        policy: Policy | None = None,
        users: Sequence[str] = ("ada",),
        table: MemoryTable | None = None,
    ) -> None:
        self.table = table or MemoryTable()
        self.stripe = FakeStripe(now=BEGINNING)
        self.queue = Queue()
        self.clock = FixedClock(BEGINNING)
        self.policy = policy or Policy()
        self.backlog = QueueBacklog(self.table)
        for user in users:
            self.subscribe(user)

    # Time, and what people do.

    @property
    def now(self) -> datetime:
        """The time."""
        return self.clock.instant

    def at(self, after_end: timedelta) -> "House":
        """Let it be so long after the month's end."""
        self.clock.instant = self.stripe.now = END + after_end
        self.stripe.tick()
        return self

    def subscribe(self, user: str, plan: str = "starter") -> None:
        """Let a user subscribe now."""
        customer_id = self.stripe.create_customer(user)
        begun = Subscription(
            f"sub_{user}", customer_id, plan, Status.ACTIVE, self.now, self.now, self.now + MONTH
        )
        self.stripe.held.append(begun)
        self.hear(user)

    def hear(self, user: str = "ada") -> None:
        """Follow a hint of Stripe's."""
        trigger = Trigger(self.now)
        synchronise(f"cus_{user}", Users(self.table), self.stripe, OFFER, trigger)

    def use(self, user: str = "ada", units: dict[str, int] | None = None, at: datetime | None = None) -> None:
        """Let a user use what a busy one does."""
        counting = Counting(self.table, OFFER)
        stamp = at or self.now
        records = [
            UsageRecord(f"{metric}-{stamp}-{self.now}", user, metric, quantity, stamp, stamp)
            for metric, quantity in (units or BUSY).items()
        ]
        (profile,) = counting.profiles([user])
        tally = counting.count(profile, records, now=self.now, patience=endless())
        assert not tally.left

    def renew(self, *users: str, hears: bool = True) -> list[HeldInvoice]:
        """Let the month end at Stripe, with a draft for each user."""
        self.at(timedelta(0))
        drafts = [self.stripe.renew(f"sub_{user}", END + MONTH) for user in users or ("ada",)]
        for user in users or ("ada",):
            if hears:
                self.hear(user)
        return drafts

    def live_another_month(self) -> None:
        """Let Ada be busy from the month's end on, until her next month has ended at Stripe as well."""
        self.use()
        self.at(MONTH)
        self.stripe.renew("sub_ada", END + 2 * MONTH)
        self.hear()

    # The reporter.

    def reporter(
        self, table: Table | None = None, stripe: StripeForCharging | None = None, several: Several = map
    ) -> Reporter:
        """Return a reporter, perhaps through something that disturbs it."""
        book = table or self.table
        charging = Charging(Bills(book), stripe or self.stripe, load(), self.policy, "live")
        return Reporter(book, charging, Settling(self.queue, self.backlog), self.clock, several)

    def run(self) -> dict[str, int]:
        """Let the reporter run now; return what it says."""
        return dict(self.reporter().run(endless()))

    def go_on(self, until: timedelta, every: timedelta = RUN) -> None:
        """Let time pass until so long after the end, with a run each quarter of an hour."""
        while self.now < END + until:
            self.at(self.now - END + every)
            self.run()

    # What there is to see.

    def final_lines(self) -> list[InvoiceLine]:
        """Return the lines that somebody is asked to pay."""
        return [
            line
            for invoice in self.stripe.invoices.values()
            if invoice.status not in {InvoiceStatus.DRAFT, InvoiceStatus.VOID} and not invoice.is_deleted
            for line in invoice.lines
        ]

    def cents(self) -> list[int]:
        """Return the amounts that somebody is asked to pay, in their order."""
        return sorted(line.amount for line in self.final_lines())

    def waiting(self) -> int:
        """Return how many bills and periods are in the index."""
        far = datetime.max.replace(tzinfo=UTC)
        return len([*Bills(self.table).due(far)]) + len([*Closing(self.table).ended(self.now)])


def busy_house(policy: Policy | None = None, table: MemoryTable | None = None, **usage: int) -> House:
    """Return a house in which Ada was busy and her month has just ended at Stripe."""
    house = House(policy, table=table)
    house.use(units=usage or None)
    house.renew()
    return house


def endless() -> Patience:
    """Return the patience of a run that nothing hurries."""
    return Patience(lambda: 900.0, sleep=lambda _: None)


def ended(house: House, **more: object) -> None:
    """Change Ada's subscription at Stripe."""
    held = house.stripe.held
    held[0] = replace(held[0], **more)  # type: ignore[arg-type]
