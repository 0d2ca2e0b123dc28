"""Days of usage, shown at the stand-in: each customer's count stands at their meter, once."""

from datetime import date, datetime, timedelta

from tests.examples import bound
from tests.fakes.table import MemoryTable
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.history import History
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.shown_days import ShownDays
from tollkeeper.ledger.users import Users
from tollkeeper.mirror.usage_mirror import Mirrored, UsageMirror
from tollkeeper.rules.metering import shown_at
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.times import epoch, start_of_day
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.stripe.gateway import StripeGateway

CATALOGUE = load()
OFFER = Offer(CATALOGUE, START.date())
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TODAY = START.date()


class Town:
    """Customers at the stand-in, and the ledger that knows what they use."""

    def __init__(self, sandbox: Sandbox, stripe: StripeGateway) -> None:
        self.sandbox, self.stripe = sandbox, stripe
        self.table = MemoryTable()
        self.users = Users(self.table)
        self.customers: dict[str, str] = {}
        self.now = START

    def settle(self, user_id: str) -> None:
        """Have somebody become a customer with a subscription."""
        customer = self.users.bind_customer(user_id, self.stripe.create_customer(user_id))
        user = self.users.read(user_id, START)
        plan = Subscription(
            f"sub_{user_id}", customer, "enterprise", Status.ACTIVE, START, START, START + 31 * DAY
        )
        self.users.write_subscription(user, plan, bound(user, plan, at=START, offer=OFFER))
        self.customers[user_id] = customer

    def use(self, user_id: str, name: str, *metrics: str, facility: str = "north") -> None:
        """Count one of each, all together."""
        records = [
            UsageRecord(f"{name}-{number}", user_id, metric, 1, self.now, self.now, facility)
            for number, metric in enumerate(metrics)
        ]
        counting = Counting(self.table, OFFER)
        (user,) = counting.profiles([user_id])
        tally = counting.count(user, records, now=self.now, patience=Patience(lambda: 9.0))
        assert records == tally.counted

    def move(self, now: datetime) -> None:
        """Let time pass."""
        self.now = now
        self.sandbox.move(now)

    def mirror(self) -> dict[str, int]:
        """Run once."""
        mirrored = Mirrored(self.users, History(self.table), CATALOGUE, "live")
        run = UsageMirror(ShownDays(self.table), mirrored, self.stripe).run(self.now, Patience(lambda: 900.0))
        self.sandbox.move(self.now + timedelta(minutes=5))  # by then Stripe has added up what it took
        return dict(run)

    def seen(self, user_id: str, metric: str, day: date = TODAY) -> float | None:
        """What the dashboard shows of a customer's day."""
        (meter,) = (
            each
            for each in self.sandbox.stripe.v1.billing.meters.list({"limit": 100}).data
            if each.event_name == CATALOGUE.metrics[metric].usage_meter_name
        )
        summaries = self.sandbox.stripe.v1.billing.meters.event_summaries.list(
            meter.id,
            {
                "customer": self.customers[user_id],
                "start_time": epoch(start_of_day(day)),
                "end_time": epoch(start_of_day(day) + DAY),
                "value_grouping_window": "day",
            },
        ).data
        return summaries[0].aggregated_value if summaries else None


def test_the_dashboard_shows_each_customers_day(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """What came alone and what came densely, of all facilities; sent again it stays as it is."""
    town = Town(sandbox, gateway)
    for user_id in ("ada", "bob", "idle"):
        town.settle(user_id)
    town.use("ada", "lone", "apiCalls", "exports")
    town.use("ada", "dense", *["apiCalls"] * 120, facility="south")
    town.use("bob", "lone", "aiQueries")
    town.move(shown_at(TODAY))
    copies = {key: dict(row) for key, row in town.table.rows.items()}
    assert {"sent": 3, "shown": 2} == town.mirror()
    # A run that died before it had taken anything off: the next one sends all of it again.
    town.table.rows = copies
    town.move(shown_at(TODAY) + 23 * HOUR)
    assert {"sent": 3, "shown": 2} == town.mirror()
    assert {} == town.mirror()
    assert (121, 1, None) == tuple(town.seen("ada", each) for each in ("apiCalls", "exports", "aiQueries"))
    assert (1, None) == (town.seen("bob", "aiQueries"), town.seen("idle", "apiCalls"))


def test_each_day_has_its_own_count(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """Today's is not yesterday's."""
    town = Town(sandbox, gateway)
    town.settle("ada")
    town.use("ada", "first", "apiCalls")
    town.move(shown_at(TODAY))
    town.mirror()
    town.use("ada", "second", "apiCalls", "apiCalls")
    town.move(shown_at(TODAY + DAY))
    town.mirror()
    assert (1, 2) == (town.seen("ada", "apiCalls"), town.seen("ada", "apiCalls", TODAY + DAY))
