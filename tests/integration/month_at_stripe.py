"""A month of Ada's that ends at the stand-in, through Stripe's own SDK, and the reporter that charges it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from stripe import Invoice, StripeClient

from tests.fakes.runtime import FixedClock
from tests.fakes.table import MemoryTable
from tests.ledger.billing_house import BUSY, MINUTE, RUN, Kept, Queue, endless
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.tracking import QueueBacklog
from tollkeeper.ledger.users import Users
from tollkeeper.periods.charging import Charging
from tollkeeper.periods.reporter import Reporter
from tollkeeper.periods.settling import Settling
from tollkeeper.rules.bills import Policy
from tollkeeper.rules.invoices import InvoiceLine
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.stripe.gateway import StripeGateway, connect
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

END = datetime(2026, 2, 28, 12, 0, 7, tzinfo=UTC)
"""When a month that began on the 31st of January ends."""

CATALOGUE = load()
OFFER = Offer(CATALOGUE, START.date())
OVERAGE = 200 + 500 + 500
"""What a busy month costs beyond the starter plan, in cents."""


class MonthAtStripe(Kept):
    """A ledger in memory, the use cases on it, and the stand-in, between which one clock passes.

    `client` is how they reach Stripe; by default as they do in production, without its patience for limits.
    """

    def __init__(
        self, sandbox: Sandbox, policy: Policy | None = None, client: StripeClient | None = None
    ) -> None:
        self.sandbox = sandbox
        self.api = sandbox.stripe.v1
        self.stripe = StripeGateway(
            client or connect("sk_test_live", sandbox.url, patience_seconds=0), CATALOGUE, "live"
        )
        self.table = MemoryTable()
        self.queue = Queue()
        self.clock = FixedClock(START)
        self.policy = policy or Policy()
        self.offer = OFFER
        self.customers: dict[str, str] = {}
        self.subscriptions: dict[str, str] = {}

    # Time, and what people do.

    @property
    def now(self) -> datetime:
        """The time."""
        return self.clock.instant

    def move(self, to: datetime) -> "MonthAtStripe":
        """Let it be later, here and at Stripe."""
        self.clock.instant = to
        self.sandbox.move(to)
        return self

    def at(self, after_end: timedelta) -> "MonthAtStripe":
        """Let it be so long after the month's end."""
        return self.move(END + after_end)

    def subscribe(
        self, user: str = "ada", plan: str = "starter", card: str = "pm_card_visa", **more: object
    ) -> str:
        """Let a user subscribe now, as by Checkout; return the subscription's id."""
        customer = self.customers[user] = self.stripe.create_customer(user)
        method = self.api.payment_methods.attach(card, {"customer": customer})
        wanted: Any = {
            "customer": customer,
            "default_payment_method": method.id,
            "items": [{"price": self.price(plan)}],
            "metadata": {"userId": user, "planId": plan, "deployment": "live"},
            **more,
        }
        made = self.api.subscriptions.create(wanted)
        self.subscriptions[user] = made.id
        self.hear(user)
        return made.id

    def price(self, plan: str) -> str:
        """Return the id of a plan's price."""
        keys = [CATALOGUE.plans[plan].price_lookup_key]
        (found,) = self.api.prices.list({"lookup_keys": keys, "active": True}).data
        return found.id

    def hear(self, user: str = "ada") -> None:
        """Follow a hint of Stripe's."""
        synchronise(self.customers[user], Users(self.table), self.stripe, self.offer, Trigger(self.now))

    def use(
        self, user: str = "ada", units: Mapping[str, int] | None = None, at: datetime | None = None
    ) -> None:
        """Let a user use what a busy one does."""
        counting = Counting(self.table, self.offer)
        stamp = at or self.now
        records = [
            UsageRecord(f"{metric}-{stamp}-{self.now}", user, metric, quantity, stamp, stamp)
            for metric, quantity in (units or BUSY).items()
        ]
        (profile,) = counting.profiles([user])
        assert not counting.count(profile, records, now=self.now, patience=endless()).left

    def renew(self, *, hears: bool = True) -> Invoice:
        """Let the month end; return Ada's draft."""
        self.at(timedelta(0))
        if hears:
            for user in self.customers:
                self.hear(user)
        return self.renewal()

    # The reporter.

    def reporter(self, stripe: StripeGateway | None = None) -> Reporter:
        """Return a reporter, perhaps one that reaches Stripe in another way."""
        charging = Charging(Bills(self.table), stripe or self.stripe, CATALOGUE, self.policy, "live")
        return Reporter(self.table, charging, Settling(self.queue, QueueBacklog(self.table)), self.clock)

    def run(self) -> dict[str, int]:
        """Let the reporter run now; return what it says."""
        return dict(self.reporter().run(endless()))

    def go_on(self, until: timedelta, every: timedelta = RUN) -> "MonthAtStripe":
        """Let time pass until so long after the end, with a run each quarter of an hour."""
        while self.now < END + until:
            self.at(self.now - END + every)
            self.run()
        return self

    def settle(self) -> "MonthAtStripe":
        """Let the month be charged, its invoice finalised, and its final lines read."""
        self.at(5 * MINUTE).run()
        return self.go_on(timedelta(hours=3))

    def charged(self) -> "MonthAtStripe":
        """Live through all of it: Ada subscribes, is busy, is renewed and is charged."""
        self.subscribe()
        self.use()
        self.renew()
        self.settle()
        return self

    # What goes wrong.

    def fails(self, path: str, answer: str, effect: str = "before", count: int = 1) -> None:
        """Let the next calls of a path go wrong."""
        fault = {"path": path, "effect": effect, "answer": answer, "count": count}
        assert self.sandbox.put("faults", {"faults": [fault]}).is_success

    # What there is to see.

    def invoices(self, user: str = "ada") -> list[Invoice]:
        """Return all of a user's invoices, the newest first."""
        return [*self.api.invoices.list({"customer": self.customers[user], "limit": 100}).auto_paging_iter()]

    def renewal(self, user: str = "ada") -> Invoice:
        """Return the invoice that renews a user's subscription at the month's end."""
        (found,) = (
            each
            for each in self.invoices(user)
            if each.billing_reason == "subscription_cycle" and from_end(each) < timedelta(days=1)
        )
        return found

    def own(self, user: str = "ada") -> list[Invoice]:
        """Return the invoices that were made for bills."""
        return [each for each in self.invoices(user) if each.billing_reason == "manual"]

    def lines(
        self, user: str = "ada", statuses: Sequence[str] = ("open", "paid", "uncollectible")
    ) -> list[InvoiceLine]:
        """Return the lines of ours on a user's invoices in these states: those that are asked to be paid."""
        return [
            line
            for each in self.invoices(user)
            if each.status in statuses and (read := self.stripe.invoice(each.id))
            for line in read.lines
        ]

    def cents(self, user: str = "ada") -> list[int]:
        """Return the amounts of overage that a user is asked to pay, in their order."""
        return sorted(line.amount for line in self.lines(user))

    def cents_on(self, invoice_id: str) -> list[int]:
        """Return the amounts of overage on an invoice, in their order."""
        found = self.stripe.invoice(invoice_id)
        return sorted(line.amount for line in found.lines) if found else []

    def asked(self, method: str, path: str) -> list[dict[str, Any]]:
        """Return what was asked of Stripe."""
        found = self.sandbox.http.get("/_sandbox/requests", params={"method": method, "path": path})
        asked: list[dict[str, Any]] = found.json()["requests"]
        return asked


def from_end(invoice: Invoice) -> timedelta:
    """Return how far from the month's end an invoice was made."""
    return abs(datetime.fromtimestamp(invoice.created, UTC) - END)
