"""One world: a house, the people in it, and the scheduler between whom one clock passes."""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from random import Random

from stripe import Event

from tests.sim.edits import edited
from tests.sim.features import Features
from tests.sim.hands import Hands
from tests.sim.house import House
from tests.sim.journal import Journal
from tests.sim.people import People, Person
from tollkeeper.catalogue import load

START = datetime(2026, 1, 31, 12, 0, 7, tzinfo=UTC)
QUIET = timedelta(days=6)
"""After so long all that was disturbed has come to its end: a hold lasts 72 hours at most."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JUMPS = (timedelta(hours=30), timedelta(days=3, hours=5), timedelta(days=36))
"""So far the clock jumps, while nothing of ours runs: past a day, past a hold, past what is late."""

type Work = Callable[[], None]


class World:
    """Lives so many days. `chance` draws everything."""

    def __init__(self, chance: Random, features: Features, days: int, people: int) -> None:
        self._chance = chance
        self.features = features
        self.journal = Journal()
        climate, settings = features.climate(chance), features.settings
        # What runs daily is sometimes late by two days, and what it compares is compared in the end anyhow.
        self._every = DAY * chance.choice([1, 3])
        self.house = House(
            START, load(), chance, climate, settings, mirrors=features.mirror, sweeps_every=self._every
        )
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
        self._acts.sees_an_end = self._draw_around
        self._hands = Hands(self.house, self.journal, chance)
        self._jumps_left = chance.choice([1, 2]) if features.jumps else 0
        self._draw_days()

    # The agenda.

    def at(self, when: datetime, work: Work) -> None:
        """Do something then."""
        heapq.heappush(self._agenda, (when, next(self._numbers), work))

    def after(self, wait: timedelta, work: Work) -> None:
        """Do something later."""
        self.at(self.house.now + wait, work)

    def _some_day(self, first: float) -> datetime:
        return START + timedelta(days=self._chance.uniform(first, max(first + 1, (self._end - START).days)))

    def _draw_days(self) -> None:
        chance, features = self._chance, self.features
        for person in self.people:
            self.at(START + HOUR * chance.uniform(0, 60), partial(self._acts.subscribes, person))
            self._live(person)
        self.at(START + DAY, self._daily)
        for what in ("DynamoDB", "Stripe"):
            if features.outages and chance.random() < 0.5:
                self.at(self._some_day(5), partial(self._goes_away, what))
        if features.lost_webhooks:
            begins = self._some_day(1)
            self._deaf.append((begins, begins + timedelta(days=chance.uniform(0.2, 6))))
        if features.edits:
            self.at(self._some_day(3), self._edit)
        if self._jumps_left and chance.random() < 0.4:
            self.at(self._some_day(3), self._jump)

    def _draw_around(self, person: Person, end: datetime) -> None:
        """Let it be near a period's end, sometimes, that the worst happens."""
        chance, features = self._chance, self.features
        moment = end + timedelta(minutes=chance.choice([-20, -2, 0.05, 16, 31, 46]))
        if features.cancels and chance.random() < 0.2:
            self.at(end + timedelta(minutes=chance.choice([1, 16, 46])), partial(self._acts.cancels, person))
        if features.cancels and features.hands and chance.random() < 0.2:
            cancel = partial(self._hands.cancels, person.name)
            self.at(end + timedelta(minutes=chance.choice([16, 31, 46, 200])), cancel)
        if self._jumps_left and chance.random() < 0.4:
            self.at(moment, self._jump)
        elif features.outages and chance.random() < 0.15:
            self.at(moment, partial(self._goes_away, chance.choice(["DynamoDB", "Stripe"])))

    def _goes_away(self, what: str) -> None:
        self.journal.tell(self.house.now, f"{what} goes away for a day")
        self.house.weather.away[what] = self.house.now + DAY

    def _edit(self) -> None:
        catalogue, told = edited(self.house.catalogue, self._chance)
        self.house.deploy(catalogue)
        self.house.weather.marks["edits of the catalogue"] += 1
        self.journal.note(self.house.now, "another catalogue", told, {})

    def _jump(self) -> None:
        """Let the clock jump, while nothing of ours runs: Stripe does its part in time, and tells later."""
        before, by = self.house.now, self._chance.choice(JUMPS)
        if not self._jumps_left or before + by > self._end - 5 * DAY:
            return
        self._jumps_left -= 1
        self.house.weather.marks[f"jumps of {by.days} days"] += 1
        while (due := self.house.stripe.next_due()) and due <= before + by:
            self.house.stripe.move(due)
        self.house.move(before + by)
        self.journal.note(before, "the clock jumps", {"to": self.house.now.isoformat()}, {})

    def _live(self, person: Person) -> None:
        wait = HOUR * self._chance.choice([1, 5, 11, 23, 40]) * (2 if self.features.organisations else 1)
        self.after(wait, lambda: self._act(person))

    def _act(self, person: Person) -> None:
        if self.house.now >= self._end:
            return
        features, acts, hands = self.features, self._acts, self._hands
        wishes: list[tuple[float, Callable[[Person], None]]] = [(10, acts.uses)]
        for is_on, weight, act in (
            (features.consumes, 4, acts.consumes),
            (features.consumes, 1, acts.releases),
            (features.corrections, 1, acts.corrects),
            (features.caps, 0.3, acts.caps),
            (features.plan_changes, 0.5, acts.changes_plan),
            (features.cancels, 0.25, acts.cancels),
            (features.cancels, 0.15, acts.resumes),
            (features.browsing, 0.5, acts.browses),
            (True, 0.3, acts.subscribes),
            (features.hands, 0.5, lambda _: hands.on_a_draft()),
            (features.hands, 0.1, lambda _: hands.pays_what_is_open()),
            (features.duplicates, 0.15, lambda each: hands.second_subscription(each.name)),
            (features.trials, 0.3, lambda _: hands.moves_a_trial()),
            (features.failing_cards, 0.3, lambda _: hands.card(good=self._chance.random() < 0.6)),
            (features.expiring_cards, 0.2, lambda _: hands.card_expires()),
        ):
            if is_on:
                wishes.append((weight, act))
        acts.looks(person)
        (chosen,) = self._chance.choices([act for _, act in wishes], [weight for weight, _ in wishes])
        chosen(person)
        self._live(person)

    def _daily(self) -> None:
        """Compare what closed, and let somebody look after the dead letters."""
        self.house.reconcile()
        for body in self.house.redrive():
            self.journal.note(self.house.now, "make redrive", {"message": body}, {})
        if self.house.now < self._end + QUIET:
            self.after(self._every, self._daily)

    # Time.

    def live(self) -> None:
        """Live it, and then let everything come to rest."""
        self._pass(self._end)
        self.house.weather.is_calm = True
        self._deaf.clear()
        self._pass(max(self._end, self.house.now) + QUIET)
        self.house.reconcile()
        for person in self.people:
            self._acts.looks(person)
            if self.features.browsing:
                self._acts.looks_around(person)
        while self.house.memory.stream and not self.house.troubles:
            self.house.announce()

    def _pass(self, until: datetime) -> None:
        house = self.house
        while True:
            runs = house.runs
            moments = [each for each, _ in runs]
            moments += [self._agenda[0][0] if self._agenda else None, house.stripe.next_due(), until]
            house.move(min(each for each in moments if each is not None))
            now = house.now
            self._post()
            if now >= until:
                return
            if self._agenda and self._agenda[0][0] <= now:
                heapq.heappop(self._agenda)[2]()
            due = [work for moment, work in runs if moment is not None and moment <= now]
            self._chance.shuffle(due)
            for work in due:
                work()
                if work == house.report:
                    self._interfere()
            self._post()

    def _interfere(self) -> None:
        """Let somebody at Stripe sometimes have a hand at a draft that has just been charged."""
        is_on = self.features.hands and not self.house.weather.is_calm
        if is_on and self._chance.random() < 0.2:
            self.after(timedelta(minutes=self._chance.choice([0, 1, 4])), self._hands.on_a_draft)

    # Webhooks.

    def _post(self) -> None:
        """Deliver what Stripe tells, in a moment or after days."""
        told, self.house.told[:] = [*self.house.told], []
        for event in told:
            event.pending_webhooks += 1
            if event.type == "invoice.created":
                self.house.stripe.account.unacknowledged[event.id] = event.data.object["id"]
                self.house.stripe.touched()
            wait = timedelta(seconds=self._chance.choice([0, 1, 3, 30]))
            self.after(wait, partial(self._deliver, event, self.house.now))

    def _deliver(self, event: Event, first: datetime) -> None:
        now = self.house.now
        is_deaf = any(begins <= now < ends for begins, ends in self._deaf)
        if not is_deaf and self.house.hear(event):
            self.house.stripe.acknowledge(event)
            if self.features.repeats and self._chance.random() < 0.08:
                self.after(HOUR * self._chance.choice([1, 20, 70]), partial(self._repeat, event))
        elif now - first < 3 * DAY:
            self.after(HOUR * self._chance.uniform(3, 9), lambda: self._deliver(event, first))
        else:
            self.house.weather.marks["webhooks never delivered"] += 1

    def _repeat(self, event: Event) -> None:
        self.house.weather.marks["webhooks delivered again"] += 1
        self.house.hear(event)
