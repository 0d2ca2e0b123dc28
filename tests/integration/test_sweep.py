"""A day without a single webhook, lived at the stand-in, and the sweep after it."""

from datetime import timedelta

import pytest

from tests.fakes.table import MemoryTable
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.sweep_progress import SweepProgressBook
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Cause, Status, choose
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.subscriptions.checkout import Checkout, CheckoutWish
from tollkeeper.subscriptions.sweep import LOOKS_BACK, Sweep, Swept
from tollkeeper.subscriptions.synchronisation import Trigger, synchronise

CATALOGUE = load()
OFFER = Offer(CATALOGUE, START.date())
PAGE = "https://app.example.com"
DAY = timedelta(days=1)
TRIAL = timedelta(days=CATALOGUE.trial_days)
USERS = [
    "newcomer",
    "resigns",
    "leaves",
    "upgrades",
    "pays",
    "cannot pay",
    "is deleted",
    "buys twice",
    "stays",
]


class Town:
    """Users, the ledger and Stripe, between which nobody carries a message but the sweep."""

    def __init__(self, sandbox: Sandbox, stripe: StripeGateway) -> None:
        self.sandbox = sandbox
        self.stripe = stripe
        self.table = MemoryTable()
        self.users = Users(self.table)
        self.now = START
        # Stripe sends its events to an endpoint that never gets any.
        sandbox.stripe.v1.webhook_endpoints.create({"url": f"{PAGE}/", "enabled_events": ["*"]})
        sandbox.put("deliveries", {"drop": 1})

    def open(self, user: str) -> str:
        """Have a user ask for a page to pay on; return its session."""
        wish = CheckoutWish(user, "starter", PAGE, PAGE)
        checkout = Checkout(self.users, self.stripe, CATALOGUE, frozenset({PAGE}))
        return checkout.open_session(wish, self.now).id

    def pay(self, session_id: str, card: str = "4242424242424242") -> None:
        """Have somebody pay on it."""
        path = f"/_sandbox/checkout/sessions/{session_id}/complete"
        assert self.sandbox.http.post(path, json={"card": card}).is_success

    def hear(self, user: str) -> None:
        """Let one webhook through."""
        synchronise(self.customer(user), self.users, self.stripe, OFFER, Trigger(self.now))

    def move(self, time: timedelta) -> None:
        """Let time pass."""
        self.now += time
        self.sandbox.move(self.now)

    def customer(self, user: str) -> str:
        """A user's customer."""
        return str(self.users.read(user, self.now).customer_id)

    def subscription(self, user: str) -> str:
        """The id of a user's first subscription."""
        return self.stripe.subscriptions_of(self.customer(user))[-1].id

    def sweep(self) -> Swept:
        """Sweep."""
        progress = SweepProgressBook(self.table)
        sweep = Sweep(self.users, Bills(self.table), self.stripe, OFFER, "live", progress)
        return sweep.run(self.now, for_seconds(900), LOOKS_BACK)

    def wrong(self) -> list[str]:
        """The users of whom the row does not say what Stripe says."""
        return [
            user
            for user in USERS
            if choose(self.stripe.subscriptions_of(self.customer(user)))
            != self.users.read(user, self.now).subscription
        ]


@pytest.fixture
def town(sandbox: Sandbox, gateway: StripeGateway) -> Town:
    """The town after a day on which much happened, and no webhook came."""
    town = Town(sandbox, gateway)
    v1 = sandbox.stripe.v1
    for user in USERS[1:]:
        town.pay(town.open(user), "4000000000000341" if user == "cannot pay" else "4242424242424242")
        town.hear(user)
    town.move(TRIAL - DAY / 2)
    town.pay(town.open("newcomer"))
    v1.subscriptions.update(town.subscription("resigns"), {"cancel_at_period_end": True})
    v1.subscriptions.cancel(town.subscription("leaves"))
    (price,) = v1.prices.list({"lookup_keys": [CATALOGUE.plans["professional"].price_lookup_key]}).data
    bought = v1.subscriptions.retrieve(town.subscription("upgrades"))
    base = next(item for item in bought["items"].data if item.price.recurring.usage_type == "licensed")
    v1.subscriptions.update(bought.id, {"items": [{"id": base.id, "price": price.id}]})
    v1.customers.delete(town.customer("is deleted"))
    twice = v1.subscriptions.retrieve(town.subscription("buys twice"))
    v1.subscriptions.create(
        {
            "customer": town.customer("buys twice"),
            "items": [{"price": price.id}],
            "default_payment_method": str(twice.default_payment_method),
            "metadata": twice.metadata.to_dict(),
        }
    )
    town.move(DAY)
    return town


def test_after_the_sweep_every_row_is_right(town: Town) -> None:
    """New, resigned, gone, upgraded, charged, refused, deleted, doubled: each is as Stripe has it."""
    before = town.wrong()
    swept = town.sweep()
    assert (USERS, [], 0) == (before, town.wrong(), swept.failed)


def test_what_the_sweep_repaired_stays_repaired(town: Town) -> None:
    """The next one finds the same undelivered events, and no row to repair."""
    town.sweep()
    assert 0 == town.sweep().repaired


def test_the_sweep_ends_what_must_not_go_on(town: Town) -> None:
    """A trial whose first charge failed, and a second live subscription."""
    town.sweep()
    (unpaid,) = town.stripe.subscriptions_of(town.customer("cannot pay"))
    doubled = town.stripe.subscriptions_of(town.customer("buys twice"))
    assert (Cause.FIRST_CHARGE_FAILED, [Cause.DUPLICATE, None]) == (
        unpaid.canceled_for,
        [each.canceled_for for each in doubled],
    )
    assert Status.CANCELED is unpaid.status


def test_who_was_deleted_can_buy_again(town: Town) -> None:
    """As a new customer of Stripe's, without another trial."""
    town.sweep()
    town.pay(town.open("is deleted"))
    town.sweep()
    subscription = town.users.read("is deleted", town.now).subscription
    assert subscription
    assert (Status.ACTIVE, None) == (subscription.status, subscription.trial_end)
