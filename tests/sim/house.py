"""Every function of the deployment, made anew for each call as Lambda may do, over one table."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, cast

from stripe import Event, WebhookSignature

from tests.sim.queues import SimulatedQueue, Waiting
from tests.sim.stripe_at_hand import StripeAtHand
from tests.sim.suspects import DeadlyCounting, WatchedAttempts
from tests.sim.weather import Climate, Died, IndexedTable, StormyTable, Weather
from tollkeeper.catalogue import Catalogue
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.consuming import Consuming
from tollkeeper.ledger.decisions import Decisions
from tollkeeper.ledger.history import History
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.sweep_progress import SweepProgressBook
from tollkeeper.ledger.tracking import QueueBacklog
from tollkeeper.ledger.users import Users
from tollkeeper.periods.charging import Charging
from tollkeeper.periods.finishing import Finishing
from tollkeeper.periods.reporter import Reporter
from tollkeeper.periods.settling import Settling
from tollkeeper.queues import seconds_until_again
from tollkeeper.quota.quota import Quota
from tollkeeper.rules.bills import Policy
from tollkeeper.rules.offers import Offer
from tollkeeper.stripe.event_queue import DeadEvents, StripeEventQueue
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.stripe.webhook import Delivery, Receipt, receive
from tollkeeper.subscriptions.cancellations import Cancellations
from tollkeeper.subscriptions.cancelling import CancelNow
from tollkeeper.subscriptions.checkout import Checkout
from tollkeeper.subscriptions.deciding import Deciding
from tollkeeper.subscriptions.event_batch import EventBatch, QueuedEvent
from tollkeeper.subscriptions.plan_changes import PlanChanges
from tollkeeper.subscriptions.stripe_events import StripeEvents
from tollkeeper.subscriptions.sweep import Sweep
from tollkeeper.usage.batch import Message
from tollkeeper.usage.intake import Intake
from tollkeeper.usage.queue import DeadLetters, UsageQueue
from tollkeeper.usage.tracker import Tracker
from tollkeeper.views.reader import Reader

DEPLOYMENT = "live"
SECRET = "whsec_simulated"
ORIGIN = "https://app.example"


class House:
    """The deployment, its Stripe account, and the one clock of both."""

    def __init__(self, start: datetime, catalogue: Catalogue, chance: Random, climate: Climate) -> None:
        self.now = start
        self.catalogue = catalogue
        self.policy = Policy()
        self.weather = Weather(chance, climate, lambda: self.now)
        self.told: list[Event] = []
        self.stripe = StripeAtHand(start, self.told.append)
        self.stripe.sell(catalogue)
        self.told.clear()
        self.memory = IndexedTable()
        self.usage_queue = SimulatedQueue(chance, lambda: self.now, self.weather, 0.0)
        self.event_queue = SimulatedQueue(chance, lambda: self.now, self.weather, 0.0)
        self.dead_letters = SimulatedQueue(chance, lambda: self.now, self.weather, 0.0)
        self.dead_events = SimulatedQueue(chance, lambda: self.now, self.weather, 0.0)
        self.reported: Counter[str] = Counter()
        self.deadly: dict[str, int] = {}

    def move(self, to: datetime) -> None:
        """Let it be later, here and at Stripe."""
        self.now = max(to, self.now)
        self.stripe.move(self.now)

    # What every function is made of.

    @property
    def offer(self) -> Offer:
        """What is sold now, and billed always."""
        return Offer(self.catalogue, date(2000, 1, 1))

    @property
    def table(self) -> StormyTable:
        """The table, as a function reaches it."""
        return StormyTable(self.memory, self.weather)

    def gateway(self) -> StripeGateway:
        """Stripe, as a function reaches it."""
        return StripeGateway(self.stripe.client(self.weather), self.catalogue, DEPLOYMENT)

    def at(self, wall: datetime) -> datetime:
        """Return an instant of the wall clock as it is."""
        return wall

    @property
    def clock(self) -> "SimulatedClock":
        """The one clock."""
        return SimulatedClock(lambda: self.now)

    def patience(self, seconds: float) -> Patience:
        """Return the patience of a function that has so much time; waiting takes none of the clock's."""
        left = [seconds]

        def sleep(took: float) -> None:
            left[0] -= max(took, 0.01)

        return Patience(lambda: left[0], sleep)

    # The functions.

    def intake(self) -> Intake:
        """`POST /usage`."""
        return Intake(UsageQueue(cast("Any", self.usage_queue), "usage"), self.catalogue.metrics)

    def quota(self) -> Quota:
        """`/quota`."""
        return Quota(Consuming(self.table, self.offer))

    def caps(self) -> SpendingCaps:
        """`PUT /subscription/spending-cap`."""
        return SpendingCaps(self.table, self.offer)

    def checkout(self) -> Checkout:
        """`POST /checkout`."""
        return Checkout(Users(self.table), self.gateway(), self.catalogue, frozenset({ORIGIN}))

    def deciding(self) -> Deciding:
        """What decisions are carried out by."""
        users, decisions = Users(self.table), Decisions(self.table)
        return Deciding(users, decisions, self.gateway(), self.offer, DEPLOYMENT)

    def plan_changes(self) -> PlanChanges:
        """`POST /subscription/plan`."""
        return PlanChanges(self.deciding())

    def cancellations(self) -> Cancellations:
        """`POST /subscription/cancel` and `/resume`."""
        bills, stripe = Bills(self.table), self.gateway()
        finishing = Finishing(bills, self.charging(), stripe)
        return Cancellations(self.deciding(), CancelNow(Users(self.table), finishing, stripe, self.offer))

    def charging(self) -> Charging:
        """What charges bills."""
        return Charging(Bills(self.table), self.gateway(), self.catalogue, self.policy, DEPLOYMENT)

    def reader(self) -> Reader:
        """What shows users what they have; it is asked in calm weather."""
        return Reader(Users(self.memory), History(self.memory), self.offer, self.clock)

    # What runs by itself.

    def track(self) -> None:
        """Count some messages of the usage queue."""
        messages = self.usage_queue.receive(10)
        if not messages:
            return
        dead = DeadLetters(cast("Any", self.dead_letters), "dead")
        table = self.table
        counting = DeadlyCounting(table, self.offer, self.weather)
        attempts = WatchedAttempts(table, self.weather)
        tracker = Tracker(counting, dead, attempts, QueueBacklog(table), self.catalogue.metrics)
        if any(self._is_deadly(each) for each in messages):
            self.weather.is_deadly = True
        taken = [Message(each.id, each.body, each.sent_at, each.receives) for each in messages]
        try:
            tracked = tracker.track(taken, self.now, self.patience(20))
        finally:
            self.weather.is_deadly = False
        failed = {each.id: each for each in messages if each.id in tracked.failed}
        again = {
            name: seconds_until_again(each.receives, begun=name not in tracked.postponed)
            for name, each in failed.items()
        }
        self.weather.marks["records counted twice were left out"] += tracked.duplicates
        UsageQueue(cast("Any", self.usage_queue), "usage").show_again(again)
        self.usage_queue.done(messages, set(failed))

    def redrive(self) -> list[str]:
        """Send back what was put aside for stopping the tracker, as somebody who has looked at it does."""
        again = [each for each in self.dead_letters.waiting.values() if "reason" not in json.loads(each.body)]
        for each in again:
            self.usage_queue.send_message(QueueUrl="usage", MessageBody=each.body)
            del self.dead_letters.waiting[each.id]
            self.weather.marks["messages redriven"] += 1
        return [each.body for each in again]

    def _is_deadly(self, message: Waiting) -> bool:
        """Whether a message stops the function: a few do, again and again, for a while."""
        if message.receives == 1 and self.weather.strikes(self.weather.climate.deadly):
            self.deadly[message.id] = self.weather.drawn([4, 6, 7])
        return message.receives <= self.deadly.get(message.id, 0)

    def follow(self) -> None:
        """Follow some of Stripe's events."""
        messages = self.event_queue.receive(10)
        if not messages:
            return
        users, bills = Users(self.table), Bills(self.table)
        events = StripeEvents(users, bills, self.gateway(), self.offer, DEPLOYMENT, wall=self.clock)
        taken = [QueuedEvent(each.id, each.body, each.receives, each.sent_at) for each in messages]
        dead = DeadEvents(cast("Any", self.dead_events), "dead")
        followed = EventBatch(taken, events).follow(self.now, self.patience(120), dead)
        again = {
            each.id: seconds_until_again(each.receives, begun=each.id not in followed.postponed)
            for each in messages
            if each.id in followed.failed
        }
        StripeEventQueue(cast("Any", self.event_queue), "events").show_again(again)
        self.event_queue.done(messages, followed.failed)

    def hear(self, event: Event) -> bool:
        """Take a webhook in, as Stripe delivers it; whether it was acknowledged."""
        body = Event.__str__(event)
        signed = WebhookSignature.generate_signature_header(body, SECRET, int(self.now.timestamp()))
        queue = StripeEventQueue(cast("Any", self.event_queue), "events")
        delivery = Delivery(body, signed, in_base64=False)
        return self.survives(lambda: receive(delivery, SECRET, queue, self.now)) is Receipt.QUEUED

    def report(self) -> None:
        """Close and charge what is due."""
        settling = Settling(UsageQueue(cast("Any", self.usage_queue), "usage"), QueueBacklog(self.table))
        reporter = Reporter(self.table, self.charging(), settling, self.clock)
        self.reported.update(reporter.run(self.patience(120)))

    def sweep(self) -> None:
        """Put right what webhooks missed."""
        users, bills, progress = Users(self.table), Bills(self.table), SweepProgressBook(self.table)
        swept = Sweep(users, bills, self.gateway(), self.offer, DEPLOYMENT, progress)
        self.weather.marks["rows repaired by the sweep"] += swept.run(self.now, self.patience(400)).repaired

    def survives[T](self, work: Callable[[], T]) -> T | None:
        """Do something that may die, of which nothing else does."""
        try:
            return work()
        except Died:
            return None

    # What is due.

    def reporter_at(self) -> datetime | None:
        """Return when the next run of the reporter has something to do: each quarter of an hour it runs."""
        first = min(self.memory.dues.values(), default=None)
        if first is None:
            return None
        due = max(datetime.fromisoformat(first), self.now)
        return _quarter_after(due)


class SimulatedClock:
    """The time of the simulation."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return what it is."""
        return self._now()

    def at(self, wall: datetime) -> datetime:
        """Return an instant of the wall clock: the same."""
        return wall


def _quarter_after(instant: datetime) -> datetime:
    whole = instant.replace(minute=instant.minute // 15 * 15, second=0, microsecond=0)
    return whole + timedelta(minutes=15)
