"""Customers who pay by Link, Cash App or bank debit, lived at the stand-in: nobody has to have a card."""

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
from tollkeeper.rules.subscriptions import PaymentMethod, Status
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.subscriptions.checkout import Checkout, CheckoutWish
from tollkeeper.subscriptions.stripe_events import Outcome, StripeEvents
from tollkeeper.subscriptions.sweep import Sweep

CATALOGUE = load()
OFFER = Offer(CATALOGUE, START.date())
PAGE = "https://app.example.com"
CARDLESS = ["cashapp", "link", "sepa_debit", "us_bank_account"]
WITH_A_CARD = {"card": "4242424242424242"}


class Town:
    """Users, the ledger and Stripe."""

    def __init__(self, sandbox: Sandbox, stripe: StripeGateway) -> None:
        self.sandbox = sandbox
        self.stripe = stripe
        table = MemoryTable()
        self.users, self.bills = Users(table), Bills(table)
        self.now = START
        self.stripe_events = StripeEvents(self.users, self.bills, stripe, OFFER, "live")

    def subscribe(self, user: str, **by: str) -> None:
        """Have a user open Checkout and pay there."""
        wish = CheckoutWish(user, "starter", PAGE, PAGE)
        checkout = Checkout(self.users, self.stripe, CATALOGUE, frozenset({"https://app.example.com"}))
        session = checkout.open_session(wish, self.now)
        path = f"/_sandbox/checkout/sessions/{session.id}/complete"
        assert self.sandbox.http.post(path, json=by).is_success

    def move(self, time: timedelta) -> None:
        """Let time pass."""
        self.now += time
        self.sandbox.move(self.now)

    def customer(self, user: str) -> str:
        """A user's customer."""
        return str(self.users.read(user, self.now).customer_id)

    def status(self, user: str) -> Status | None:
        """What a user's row says of their subscription."""
        subscription = self.users.read(user, self.now).subscription
        return subscription.status if subscription else None

    def events(self) -> list[StripeEvent]:
        """Every event so far, as it would be delivered, oldest first."""
        found = self.sandbox.stripe.v1.events.list({"limit": 100}).auto_paging_iter()
        return [StripeEvent.of(each.to_dict()) for each in found][::-1]


@pytest.fixture
def town(sandbox: Sandbox, gateway: StripeGateway) -> Town:
    """Nobody lives here yet."""
    return Town(sandbox, gateway)


@pytest.mark.parametrize("kind", CARDLESS)
def test_checkout_without_a_card_subscribes(town: Town, kind: str) -> None:
    """Checkout's event makes the row say what was bought."""
    town.subscribe("ada", paymentMethod=kind)
    (completed,) = [each for each in town.events() if each.type == "checkout.session.completed"]
    assert Outcome.FOLLOWED is town.stripe_events.follow(completed, town.now)
    subscription = town.users.read("ada", town.now).subscription
    assert subscription
    assert (Status.TRIALING, PaymentMethod(kind)) == (subscription.status, subscription.payment_method)


@pytest.mark.parametrize("kind", CARDLESS)
def test_every_event_without_a_card_is_followed(town: Town, kind: str) -> None:
    """From Checkout through trial, renewal and a change of method to the end, no event fails."""
    town.subscribe("ada", paymentMethod=kind)
    town.move(timedelta(days=50))
    api, customer = town.sandbox.stripe.v1, town.customer("ada")
    link = api.payment_methods.create({"type": "link", "billing_details": {"email": "ada@example.com"}})
    api.payment_methods.attach(link.id, {"customer": customer})
    api.payment_methods.detach(link.id)
    (subscription,) = api.subscriptions.list({"customer": customer}).data
    api.subscriptions.cancel(subscription.id)
    outcomes = {each.type: town.stripe_events.follow(each, town.now) for each in town.events()}
    assert {"payment_method.attached", "payment_method.detached", "invoice.paid"} < outcomes.keys()
    assert set() == set(outcomes.values()) - {Outcome.FOLLOWED, Outcome.OF_OTHERS, Outcome.LEFT_ALONE}
    assert Status.CANCELED is town.status("ada")


@pytest.mark.parametrize("kind", CARDLESS)
def test_a_user_without_a_card_stops_nobodys_sweep(town: Town, kind: str) -> None:
    """The sweep puts right all rows: those before and after, with a card, and the one without."""
    town.subscribe("before", **WITH_A_CARD)
    town.subscribe("ada", paymentMethod=kind)
    town.subscribe("after", **WITH_A_CARD)
    progress = SweepProgressBook(MemoryTable())
    sweep = Sweep(town.users, town.bills, town.stripe, OFFER, "live", progress)
    swept = sweep.run(town.now, for_seconds(900), timedelta(days=3))
    assert (3, 0) == (swept.repaired, swept.failed)
    assert 0 == sweep.run(town.now, for_seconds(900), timedelta(days=3)).repaired
    assert [Status.TRIALING] * 3 == [town.status(user) for user in ("before", "ada", "after")]


def test_a_default_method_without_a_card_is_read(town: Town) -> None:
    """A subscription without a method of its own is charged to its customer's, whatever that is."""
    api, customer = town.sandbox.stripe.v1, town.stripe.create_customer("ada")
    link = api.payment_methods.create({"type": "link"})
    api.payment_methods.attach(link.id, {"customer": customer})
    api.customers.update(customer, {"invoice_settings": {"default_payment_method": link.id}})
    (price,) = api.prices.list({"lookup_keys": [CATALOGUE.plans["starter"].price_lookup_key]}).data
    metadata = {"userId": "ada", "deployment": "live"}
    api.subscriptions.create({"customer": customer, "items": [{"price": price.id}], "metadata": metadata})
    (found,) = town.stripe.subscriptions_of(customer)
    assert (Status.ACTIVE, PaymentMethod("link")) == (found.status, found.payment_method)
