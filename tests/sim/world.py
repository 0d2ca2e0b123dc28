"""One world: a house, the people in it, and the scheduler between whom one clock passes."""

import heapq
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any

import stripe as sdk
from stripe import Event, Invoice, Subscription

from tests.sim.features import Features
from tests.sim.hands import Hands
from tests.sim.house import House
from tests.sim.journal import Journal
from tests.sim.people import NO_ANSWER, People, Person
from tests.sim.stripe_at_hand import facts_of
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import Bills

START = datetime(2026, 1, 31, 12, 0, 7, tzinfo=UTC)
QUIET = timedelta(days=6)
"""After so long all that was disturbed has come to its end: a hold lasts 72 hours at most."""

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

type Work = Callable[[], None]


class World:
    """Lives so many days. `chance` draws everything."""

    def __init__(self, chance: Random, features: Features, days: int, people: int) -> None:
        self._chance = chance
        self.features = features
        self.journal = Journal()
        self.house = House(START, load(), chance, features.climate(chance))
        again = chance.choice([0.01, 0.1]) if features.repeats else 0.0
        for queue in (self.house.usage_queue, self.house.event_queue):
            queue.again = again
        self._end = START + timedelta(days=days)
        self._agenda: list[tuple[datetime, int, Work]] = []
        self._numbers = count()
        self._deaf: list[tuple[datetime, datetime]] = []
        members = "ab" if features.organisations else "a"
        self.people = [Person(f"user_{number}", each) for number in range(people) for each in members]
        self.users = list(dict.fromkeys(each.name for each in self.people))
        self._acts = People(self.house, self.journal, features, chance)
        self._acts.again = self.after
        self._hands = Hands(self.house, self.journal, chance)
        self._draw_days()

    # The agenda.

    def at(self, when: datetime, work: Work) -> None:
        """Do something then."""
        heapq.heappush(self._agenda, (when, next(self._numbers), work))

    def after(self, wait: timedelta, work: Work) -> None:
        """Do something later."""
        self.at(self.house.now + wait, work)

    def _draw_days(self) -> None:
        chance, features = self._chance, self.features
        for person in self.people:
            self.at(START + HOUR * chance.uniform(0, 60), partial(self._acts.subscribes, person))
            self._live(person)
        self.at(START + HOUR, self._sweep)
        self.at(START + DAY, self._redrive)
        for what in ("DynamoDB", "Stripe"):
            if features.outages and chance.random() < 0.5:
                begins = START + timedelta(days=chance.uniform(5, max(6, (self._end - START).days)))
                self.at(begins, partial(self._goes_away, what))
        if features.lost_webhooks:
            begins = START + timedelta(days=chance.uniform(1, max(2, (self._end - START).days)))
            self._deaf.append((begins, begins + timedelta(days=chance.uniform(0.2, 6))))

    def _goes_away(self, what: str) -> None:
        self.journal.tell(self.house.now, f"{what} goes away for a day")
        self.house.weather.away[what] = self.house.now + DAY

    def _live(self, person: Person) -> None:
        wait = HOUR * self._chance.choice([1, 5, 11, 23, 40]) * (2 if self.features.organisations else 1)
        self.after(wait, lambda: self._act(person))

    def _act(self, person: Person) -> None:
        if self.house.now >= self._end:
            return
        features, acts = self.features, self._acts
        wishes: list[tuple[float, Callable[[Person], None]]] = [(10, acts.uses)]
        for is_on, weight, act in (
            (features.consumes, 4, acts.consumes),
            (features.consumes, 1, acts.releases),
            (features.corrections, 1, acts.corrects),
            (features.caps, 0.3, acts.caps),
            (features.plan_changes, 0.4, acts.changes_plan),
            (features.cancels, 0.25, acts.cancels),
            (features.cancels, 0.15, acts.resumes),
            (True, 0.3, acts.subscribes),
            (features.hands, 0.5, lambda _: self._hands.on_a_draft()),
            (features.duplicates, 0.15, lambda each: self._hands.second_subscription(each.name)),
            (features.trials, 0.3, lambda _: self._hands.moves_a_trial()),
            (features.failing_cards, 0.3, lambda _: self._hands.card(good=self._chance.random() < 0.6)),
        ):
            if is_on:
                wishes.append((weight, act))
        acts.looks(person)
        (chosen,) = self._chance.choices([act for _, act in wishes], [weight for weight, _ in wishes])
        chosen(person)
        self._live(person)

    def _redrive(self) -> None:
        for body in self._calmly(self.house.redrive):
            self.journal.note(self.house.now, "make redrive", {"message": body}, {})
        if self.house.now < self._end + DAY:
            self.after(DAY, self._redrive)

    def _calmly[T](self, work: Callable[[], T]) -> T:
        weather = self.house.weather
        before, weather.is_calm = weather.is_calm, True
        try:
            return work()
        finally:
            weather.is_calm = before

    def _sweep(self) -> None:
        self._survive(self.house.sweep)
        if self.house.now < self._end + QUIET:
            self.after(timedelta(hours=self._chance.choice([12, 24])), self._sweep)

    # Time.

    def live(self) -> None:
        """Live it, and then let everything come to rest."""
        self._pass(self._end)
        self.house.weather.is_calm = True
        self._deaf.clear()
        self._pass(self._end + QUIET)
        for person in self.people:
            self._acts.looks(person)

    def _pass(self, until: datetime) -> None:
        house = self.house
        while True:
            moments = [
                self._agenda[0][0] if self._agenda else None,
                house.stripe.next_due(),
                house.usage_queue.next_at,
                house.event_queue.next_at,
                house.reporter_at(),
            ]
            now = min(each for each in [*moments, until] if each is not None)
            house.move(now)
            now = house.now
            self._post()
            if now >= until:
                return
            if self._agenda and self._agenda[0][0] <= now:
                heapq.heappop(self._agenda)[2]()
            for moment, work in zip(moments[2:], (house.track, house.follow, house.report), strict=True):
                if moment is not None and moment <= now:
                    self._survive(work)
                    self._interfere(work)
            self._post()

    def _interfere(self, work: Work) -> None:
        """Let somebody at Stripe sometimes have a hand at a draft that has just been charged."""
        is_on = self.features.hands and not self.house.weather.is_calm
        if is_on and work == self.house.report and self._chance.random() < 0.2:
            self.after(timedelta(minutes=self._chance.choice([0, 1, 4])), self._hands.on_a_draft)

    def _survive(self, work: Work) -> None:
        try:
            self.house.survives(work)
        except (sdk.StripeError, *NO_ANSWER) as error:
            self.journal.tell(self.house.now, f"{work.__name__} ended with {type(error).__name__}")

    # Webhooks.

    def _post(self) -> None:
        """Deliver what Stripe tells, in a moment or after days."""
        told, self.house.told[:] = [*self.house.told], []
        for event in told:
            event.pending_webhooks += 1
            if event.type == "invoice.created":
                self.house.stripe.account.unacknowledged[event.id] = event.data.object["id"]
            wait = timedelta(seconds=self._chance.choice([0, 1, 3, 30]))
            self.after(wait, partial(self._deliver, event, self.house.now))

    def _deliver(self, event: Event, first: datetime) -> None:
        now = self.house.now
        is_deaf = any(begins <= now < ends for begins, ends in self._deaf)
        if not is_deaf and self.house.hear(event):
            event.pending_webhooks = 0
            self.house.stripe.account.unacknowledged.pop(event.id, None)
            if self.features.repeats and self._chance.random() < 0.05:
                self.after(HOUR, partial(self._repeat, event))
        elif now - first < 3 * DAY:
            self.after(6 * HOUR, lambda: self._deliver(event, first))
        else:
            self.house.weather.marks["webhooks never delivered"] += 1

    def _repeat(self, event: Event) -> None:
        self.house.hear(event)

    # What there is to see in the end.

    def evidence(self) -> dict[str, Any]:
        """Return what the auditor may see: the journal, what Stripe holds, and what the API shows."""
        account = self.house.stripe.account
        customers = {each.id: facts_of(each).get("metadata") or {} for each in account.all(sdk.Customer)}
        return {
            "entries": self.journal.entries,
            "invoices": [facts_of(each) for each in account.all(Invoice)],
            "subscriptions": [facts_of(each) for each in account.all(Subscription)],
            "customers": customers,
            "deadLetters": [each.body for each in self.house.dead_letters.waiting.values()],
            "deadEvents": [each.body for each in self.house.dead_events.waiting.values()],
            "records": self._records,
        }

    def marks(self) -> Counter[str]:
        """Return how often each rare path was taken."""
        house, marks = self.house, Counter(self.house.weather.marks)
        for row in house.memory.rows.values():
            if "action" in row:
                marks[f"audited: {row['action']}"] += 1
        for user in self.users:
            for bill in Bills(house.memory).of_user(user):
                marks["own invoices"] += bill.is_own
                marks["bills that left an invoice"] += bool(bill.passed)
                marks["caps at the close"] += any(each.capped for each in bill.charges or ())
        marks["bills that moved"] += house.reported["moving"]
        return marks

    def _records(self, user: str, period: datetime) -> list[dict[str, Any]]:
        """Answer `GET /usage/records?period`."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            view = self.house.reader().records(user, period, None, None, cursor)
            found += [
                {
                    "id": each.id,
                    "eventType": each.event_type,
                    "quantity": each.quantity,
                    "late": bool(each.late),
                    "unbilled": bool(each.unbilled),
                    "dropped": bool(each.dropped),
                    "released": each.released or 0,
                }
                for each in view.records
            ]
            cursor = view.cursor
            if cursor is None:
                return found
