"""The checklist for trials on Stripe's test clocks: at the stand-in, and at Stripe itself if there is a key.

With `STRIPE_SECRET_KEY=sk_test_…` each scenario runs in that sandbox too (`make stripe-apply` first). Nobody
can click on Stripe's page there, so the subscription is made by API, as Checkout would make it, and events
are taken from the account's list instead of a webhook. *Unverified*: nobody with a key has run these yet.
"""

import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from stripe import StripeClient, Subscription

from tests.fakes.table import MemoryTable
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Cause, Status
from tollkeeper.rules.times import epoch, from_epoch
from tollkeeper.rules.users import User
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.gateway import StripeGateway, connect
from tollkeeper.subscriptions.stripe_events import StripeEvents

CATALOGUE = load()
PLAN = CATALOGUE.plans["starter"]
TRIAL = timedelta(days=CATALOGUE.trial_days)
COLLECTED = timedelta(hours=2)
GOOD, FAILS_LATER = "pm_card_visa", "pm_card_chargeCustomerFail"
PATIENCE_SECONDS = 120.0
KEY = os.environ.get("STRIPE_SECRET_KEY", "")


class Life:
    """A customer on a test clock, and a deployment that follows their events."""

    def __init__(self, client: StripeClient, key: str, api_base: str | None, start: datetime) -> None:
        self.client = client
        self._heard: set[str] = set()
        self._deployment = f"test-{uuid.uuid4().hex[:8]}"
        table = MemoryTable()
        self._users = Users(table)
        gateway = StripeGateway(connect(key, api_base), CATALOGUE, self._deployment)
        self._stripe_events = StripeEvents(
            self._users, Bills(table), gateway, Offer(CATALOGUE, start.date()), self._deployment
        )
        clocks = client.v1.test_helpers.test_clocks
        self._clock = clocks.create({"frozen_time": epoch(start), "name": self._deployment}).id
        self.customer = client.v1.customers.create({"test_clock": self._clock, "metadata": self._metadata}).id

    @property
    def _metadata(self) -> dict[str, str]:
        return {"userId": "ada", "planId": PLAN.name, "deployment": self._deployment}

    @property
    def now(self) -> datetime:
        """What time it is on the clock."""
        return from_epoch(self.client.v1.test_helpers.test_clocks.retrieve(self._clock).frozen_time)

    def subscribe(self, card: str) -> Subscription:
        """Subscribe as Checkout does: a trial, the card kept for later, and the base price alone."""
        method = self.client.v1.payment_methods.attach(card, {"customer": self.customer})
        keys = [PLAN.price_lookup_key]
        (price,) = self.client.v1.prices.list({"lookup_keys": keys, "active": True}).data
        return self.client.v1.subscriptions.create(
            {
                "customer": self.customer,
                "default_payment_method": method.id,
                "items": [{"price": price.id}],
                "metadata": self._metadata,
                "trial_period_days": CATALOGUE.trial_days,
                "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
            }
        )

    def advance(self, to: datetime) -> None:
        """Advance the clock, and wait until all that was due has happened."""
        clocks = self.client.v1.test_helpers.test_clocks
        clocks.advance(self._clock, {"frozen_time": epoch(to)})
        deadline = time.monotonic() + PATIENCE_SECONDS
        while clocks.retrieve(self._clock).status != "ready" and time.monotonic() < deadline:
            time.sleep(0.1)

    def once(self, status: Status) -> User:
        """The user as soon as their row has a status, following what events there are by then."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            self._hear()
            user = self._users.read("ada", self.now)
            if user.subscription and user.subscription.status is status:
                return user
            assert time.monotonic() < deadline, f"not {status}: {user}"
            time.sleep(1)

    def _hear(self) -> None:
        for event in reversed(self.client.v1.events.list({"limit": 100}).data):
            read = StripeEvent.of(event.to_dict())
            if read.customer_id == self.customer and read.id not in self._heard:
                self._stripe_events.follow(read, self.now)
                self._heard.add(read.id)

    def end(self) -> None:
        """Delete the clock, and with it the customer."""
        self.client.v1.test_helpers.test_clocks.delete(self._clock)


@pytest.fixture
def standin(sandbox: Sandbox) -> Life:
    """A life at the stand-in."""
    return Life(sandbox.stripe, "sk_test_standin", sandbox.url, START)


@pytest.fixture
def stripe_itself() -> Iterator[Life]:
    """A life at Stripe itself, in a sandbox that has the catalogue."""
    if not KEY.startswith("sk_test_"):
        pytest.skip("needs STRIPE_SECRET_KEY=sk_test_…")
    life = Life(StripeClient(KEY, max_network_retries=2), KEY, None, datetime.now(UTC).replace(microsecond=0))
    yield life
    life.end()


@pytest.fixture(params=["standin", "stripe_itself"])
def life(request: pytest.FixtureRequest) -> Life:
    """A life at each."""
    found: Life = request.getfixturevalue(request.param)
    return found


def test_create_subscription(life: Life) -> None:
    """The user has the plan, on trial for 14 days."""
    begun = life.now
    life.subscribe(GOOD)
    subscription = life.once(Status.TRIALING).subscription
    assert subscription
    assert (PLAN.name, begun + TRIAL) == (subscription.plan, subscription.trial_end)


def test_card_is_collected_during_trial(life: Life) -> None:
    """The first invoice is of nothing, and there is a card for the next."""
    subscription = life.subscribe(GOOD)
    life.once(Status.TRIALING)
    (invoice,) = life.client.v1.invoices.list({"customer": life.customer}).data
    assert (0, "paid") == (invoice.amount_due, invoice.status)
    assert subscription.default_payment_method


def test_trial_ends_and_charge_succeeds(life: Life) -> None:
    """The first month is paid for."""
    begun = life.now
    life.subscribe(GOOD)
    life.advance(begun + TRIAL + COLLECTED)
    subscription = life.once(Status.ACTIVE).subscription
    invoice = life.client.v1.invoices.list({"customer": life.customer}).data[0]
    assert subscription
    assert ("paid", PLAN.price, begun + TRIAL) == (
        invoice.status,
        invoice.amount_paid,
        subscription.period_start,
    )


def test_trial_ends_and_charge_fails_so_it_is_cancelled(life: Life) -> None:
    """No grace after a trial."""
    begun = life.now
    life.subscribe(FAILS_LATER)
    life.advance(begun + TRIAL + COLLECTED)
    subscription = life.once(Status.CANCELED).subscription
    assert subscription
    assert Cause.FIRST_CHARGE_FAILED is subscription.canceled_for
