"""Ada, who decides, through the unmodified SDK against the stand-in.

She asks as the API does, and Stripe's events arrive. Then both sides are read: what the ledger gives her,
and what Stripe has invoiced.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stripe import Invoice, Subscription

from tests.fakes.table import MemoryTable
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.decisions import Decisions
from tollkeeper.ledger.history import History
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users
from tollkeeper.periods.charging import Charging
from tollkeeper.periods.finishing import Finishing
from tollkeeper.rules.audit import AuditEntry
from tollkeeper.rules.bills import Policy
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.plan_changes import PlanChange
from tollkeeper.rules.subscriptions import Status
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import User
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.stripe.port import CheckoutOrder
from tollkeeper.subscriptions.cancellations import CancelAt, Cancellations
from tollkeeper.subscriptions.cancelling import CancelNow
from tollkeeper.subscriptions.deciding import Deciding
from tollkeeper.subscriptions.plan_changes import PlanChanges
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise
from tollkeeper.views.subscription import SubscriptionView, overview

CATALOGUE = load()
OFFER = Offer(CATALOGUE, START.date())
PAGE = "https://app.example.com"
HALF = timedelta(days=14)
"""Half of the month from 31 January to 28 February: what is left of it is half of its price."""
END = START + 2 * HALF
GOOD, DECLINES, ASKS = "pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"


@dataclass
class Ada:
    """A customer, the deployment that she is one of, and Stripe."""

    sandbox: Sandbox
    stripe: StripeGateway
    table: Table = field(default_factory=MemoryTable)
    now: datetime = START
    used: int = 0

    def __post_init__(self) -> None:
        self.users = Users(self.table)
        self.customer = self.stripe.create_customer("ada")
        self.users.bind_customer("ada", self.customer)
        bills = Bills(self.table)
        charging = Charging(bills, self.stripe, CATALOGUE, Policy(), "live")
        held = Finishing(bills, charging, self.stripe)
        deciding = Deciding(self.users, Decisions(self.table), self.stripe, OFFER, "live")
        self.plans = PlanChanges(deciding)
        self.ends = Cancellations(deciding, CancelNow(self.users, held, self.stripe, OFFER))

    def subscribe(self, plan: str = "starter", trial_days: int = 0) -> None:
        """Buy on Checkout's page."""
        order = CheckoutOrder("ada", self.customer, plan, trial_days, PAGE, PAGE)
        session = self.stripe.create_checkout_session(order)
        path = f"/_sandbox/checkout/sessions/{session.id}/complete"
        self.sandbox.http.post(path, json={"card": "4242424242424242"}).raise_for_status()
        self.hear()

    def hear(self) -> None:
        """Let a webhook arrive."""
        synchronise(self.customer, self.users, self.stripe, OFFER, Trigger(self.now))

    def move(self, to: datetime) -> None:
        """Let time pass, and events arrive."""
        self.sandbox.move(to)
        self.now = to
        self.hear()

    def pay_with(self, card: str) -> None:
        """Have the subscription charged to another card."""
        method = self.sandbox.stripe.v1.payment_methods.attach(card, {"customer": self.customer})
        self.sandbox.stripe.v1.subscriptions.update(
            self.at_stripe().id, {"default_payment_method": method.id}
        )

    def use(self, metric: str, units: int) -> None:
        """Use something."""
        self.used += 1
        record = UsageRecord(f"use-{self.used}", "ada", metric, units, self.now, self.now)
        user = self.users.read("ada", self.now)
        Counting(self.table, OFFER).count(user, [record], now=self.now, patience=Patience(lambda: 60.0))

    def change(self, plan: str, key: str | None = None) -> PlanChange:
        """Ask for a plan."""
        return self.plans.change("ada", plan, key, self.now, Patience(lambda: 60.0, lambda _: None))

    def cancel(self, at: CancelAt = CancelAt.PERIOD_END) -> Status:
        """Cancel."""
        patience = Patience(lambda: 60.0, lambda _: None)
        return self.ends.cancel("ada", at, None, self.now, patience).status

    def resume(self) -> datetime | None:
        """Resume; return when it is to end."""
        patience = Patience(lambda: 60.0, lambda _: None)
        return self.ends.resume("ada", None, self.now, patience).cancel_at

    @property
    def user(self) -> User:
        """Her row."""
        return self.users.read("ada", self.now)

    @property
    def shown(self) -> SubscriptionView:
        """What GET /subscription tells."""
        return overview(self.user, OFFER, self.now)

    @property
    def trail(self) -> list[AuditEntry]:
        """Her audit trail, the newest first."""
        return [*History(self.table).audit("ada", None).entries]

    def at_stripe(self) -> Subscription:
        """Return the subscription as Stripe has it."""
        return self.sandbox.stripe.v1.subscriptions.list({"customer": self.customer, "status": "all"}).data[0]

    def invoices(self) -> list[Invoice]:
        """Return the invoices, the newest first."""
        return self.sandbox.stripe.v1.invoices.list({"customer": self.customer}).data

    def requests(self, method: str, path: str) -> list[Any]:
        """Return the requests that Stripe got."""
        found = self.sandbox.http.get("/_sandbox/requests").json()
        listed = found if isinstance(found, list) else found["requests"]
        return [each for each in listed if each["method"] == method and path in each["path"]]
