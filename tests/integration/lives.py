"""A customer's life on one of Stripe's test clocks: at the stand-in, or at Stripe itself with a key."""

import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from stripe import StripeClient, Subscription

from tests.fakes.table import MemoryTable
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Status
from tollkeeper.rules.times import epoch, from_epoch
from tollkeeper.rules.users import User
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.gateway import StripeGateway, connect
from tollkeeper.subscriptions.stripe_events import StripeEvents

CATALOGUE = load()
PLAN = CATALOGUE.plans["starter"]
TRIAL = timedelta(days=CATALOGUE.trial_days)
GOOD, FAILS_LATER = "pm_card_visa", "pm_card_chargeCustomerFail"
PATIENCE_SECONDS = 120.0


class Life:
    """A customer on a test clock, and a deployment that follows their events."""

    def __init__(self, client: StripeClient, key: str, api_base: str | None, start: datetime) -> None:
        self.client = client
        self._heard: set[str] = set()
        self._deployment = f"test-{uuid.uuid4().hex[:8]}"
        table = MemoryTable()
        self._users = Users(table)
        self.gateway = StripeGateway(connect(key, api_base), CATALOGUE, self._deployment)
        self._stripe_events = StripeEvents(
            self._users, Bills(table), self.gateway, Offer(CATALOGUE, start.date()), self._deployment
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

    def subscribe(self, card: str, trial_days: int = CATALOGUE.trial_days) -> Subscription:
        """Subscribe as Checkout does: a trial, the card kept for later, and the base price alone."""
        method = self.client.v1.payment_methods.attach(card, {"customer": self.customer})
        keys = [PLAN.price_lookup_key]
        (price,) = self.client.v1.prices.list({"lookup_keys": keys, "active": True}).data
        wanted: Any = {
            "customer": self.customer,
            "default_payment_method": method.id,
            "items": [{"price": price.id}],
            "metadata": self._metadata,
        }
        if trial_days:
            wanted["trial_period_days"] = trial_days
            wanted["trial_settings"] = {"end_behavior": {"missing_payment_method": "cancel"}}
        return self.client.v1.subscriptions.create(wanted)

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
