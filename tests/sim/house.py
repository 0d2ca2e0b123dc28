"""One deployment with its table, queues, bus and Stripe account: what runs by itself, and its doors."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any

from stripe import Event, WebhookSignature

from tests.examples import ENVIRONMENT
from tests.fakes.stream import Record, left_to_deliver
from tests.sim.deployment import WEBHOOK_SECRET, Answer, Deployment, Outside
from tests.sim.queues import SimulatedBus, SimulatedQueue, SimulatedSqs, Waiting
from tests.sim.stripe_at_hand import StripeAtHand
from tests.sim.tables import IndexedTable, StormyTable
from tests.sim.weather import Climate, Died, Weather
from tollkeeper.catalogue import Catalogue
from tollkeeper.ledger import keys
from tollkeeper.ledger.keys import Due
from tollkeeper.rules.settling import SETTLING
from tollkeeper.usage.tracker import MOST_STOPS

QUEUES = {
    name: ENVIRONMENT[f"{name}_URL"]
    for name in (
        "USAGE_QUEUE",
        "USAGE_DEAD_LETTER_QUEUE",
        "STRIPE_EVENT_QUEUE",
        "STRIPE_EVENT_DEAD_LETTER_QUEUE",
        "STREAM_DEAD_LETTER_QUEUE",
    )
}
QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
BATCH = 100


class House:
    """The deployment, its Stripe account, and the one clock of both. `troubles` are errors of ours."""

    def __init__(
        self,
        start: datetime,
        catalogue: Catalogue,
        chance: Random,
        climate: Climate,
        settings: Mapping[str, str],
        *,
        mirrors: bool = True,
        sweeps_every: timedelta = DAY,
    ) -> None:
        self.now = start
        self.catalogue = catalogue
        self.weather = Weather(chance, climate, lambda: self.now)
        self.told: list[Event] = []
        self.stripe = StripeAtHand(start, self.told.append)
        self.stripe.sell(catalogue)
        self.told.clear()
        self.memory = IndexedTable(lambda: self.now)
        self.queues = {url: SimulatedQueue(chance, lambda: self.now, self.weather) for url in QUEUES.values()}
        self.usage_queue = self.queues[QUEUES["USAGE_QUEUE"]]
        self.event_queue = self.queues[QUEUES["STRIPE_EVENT_QUEUE"]]
        self.dead_letters = self.queues[QUEUES["USAGE_DEAD_LETTER_QUEUE"]]
        self.dead_events = self.queues[QUEUES["STRIPE_EVENT_DEAD_LETTER_QUEUE"]]
        self.dead_changes = self.queues[QUEUES["STREAM_DEAD_LETTER_QUEUE"]]
        self.bus = SimulatedBus(self.weather)
        self.functions = Deployment(settings)
        self.reported: Counter[str] = Counter()
        self._mirrors, self._sweeps_every = mirrors, sweeps_every
        self.troubles: list[str] = []
        self._deadly: dict[str, int] = {}
        self._swept_at: datetime | None = None
        self._sweeps_on = False

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Let the deployment stand, as long as this goes on."""
        functions = self.functions
        outside = Outside(
            now=lambda: self.now,
            catalogue=lambda: self.catalogue,
            table=StormyTable(self.memory, self.weather, functions.spend),
            sqs=SimulatedSqs(self.queues, self.weather),
            bus=self.bus,
            connect=self._connect,
        )
        with functions.standing(outside):
            yield

    def _connect(
        self, _key: str, _base: str | None = None, patience_seconds: float = 4.0, **_: object
    ) -> Any:  # noqa: ANN401 - the SDK's client
        return self.stripe.connect(self.weather, self.functions.spend, patience_seconds)

    def move(self, to: datetime) -> None:
        """Let it be later, here and at Stripe."""
        self.now = max(to, self.now)
        self.stripe.move(self.now)

    def deploy(self, catalogue: Catalogue) -> None:
        """Sell something else from now on: apply the catalogue at Stripe, and deploy it."""
        self.stripe.sell(catalogue)
        self.catalogue = catalogue
        self.functions.begin_anew()

    # The API.

    def request(self, function: str, route: str, body: object = None, **more: Any) -> Answer | None:  # noqa: ANN401 - handed on
        """Send a request; return its answer, or None where none came or it is to be asked again."""
        try:
            answer = self.functions.request(function, route, body, **more)
        except Died:
            self._perish()
            return None
        except Exception as error:  # noqa: BLE001 - API Gateway answers 500, which the contract knows nothing of
            self.troubles.append(f"{route} ended with {type(error).__name__}: {error}")
            return None
        if answer.status == 503:
            self.weather.marks["answers 503"] += 1
            return None
        if answer.status >= 500:
            self.troubles.append(f"{route} was answered {answer.status}: {answer.body}")
            return None
        return answer

    # What runs by itself.

    def track(self) -> None:
        """Count some messages of the usage queue."""
        messages = self.usage_queue.receive(self.weather.drawn([3, BATCH, BATCH]))
        begun = [self.memory.rows.get(keys.attempt(each.id), {}).get("begun", 0) for each in messages]
        self.weather.marks["messages taken alone"] += MOST_STOPS in begun
        self.weather.is_deadly = any(self._is_deadly(each) for each in messages)
        try:
            self._work_on("usage_tracker", self.usage_queue, messages)
        finally:
            self.weather.is_deadly = False

    def follow(self) -> None:
        """Follow some of Stripe's events."""
        self._work_on("stripe_events", self.event_queue, self.event_queue.receive(BATCH))

    def _work_on(self, function: str, queue: SimulatedQueue, messages: list[Waiting]) -> None:
        answer = self._run(function, {"Records": [each.record for each in messages]})
        if answer is not None:
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
            queue.done(messages, failed)

    def announce(self) -> None:
        """Tell the bus what the table's stream has to announce."""
        batch: list[Record] = self.memory.stream[:BATCH]
        answer = self._run("announcer", {"Records": batch})
        if answer is None:
            self.weather.marks["changes of the stream that came again"] += len(batch)
            return
        left = left_to_deliver(batch, {each["itemIdentifier"] for each in answer["batchItemFailures"]})
        self.memory.stream[: len(batch)] = left

    def report(self) -> None:
        """Close and charge what is due."""
        self.reported.update(self._run("reporter", {}) or {})

    def sweep(self) -> None:
        """Put right what webhooks missed."""
        swept = self._run("sweep", {})
        self._sweeps_on = swept is None or swept["unfinished"]
        self._swept_at = self.now
        self.weather.marks["rows repaired by the sweep"] += (swept or {"repaired": 0})["repaired"]

    def mirror(self) -> None:
        """Show Stripe the usage of days that are over."""
        self.weather.marks["days shown to Stripe"] += (self._run("usage_mirror", {}) or {}).get("shown", 0)

    def reconcile(self) -> None:
        """Compare what closed lately."""
        report = self._run("reconciler", {}) or {}
        self.weather.marks["periods reconciled"] += report.get("agreed", 0)
        if report.get("drift"):
            self.troubles.append(f"the reconciler found drift at {self.now}")

    def hear(self, event: Event) -> bool:
        """Take a webhook in, as Stripe delivers it; whether it was acknowledged."""
        body = Event.__str__(event)
        signed = WebhookSignature.generate_signature_header(body, WEBHOOK_SECRET, int(self.now.timestamp()))
        request = {"headers": {"stripe-signature": signed}, "body": body, "isBase64Encoded": False}
        answer = self._run("stripe_webhook", request)
        return answer is not None and answer["statusCode"] == 200

    def redrive(self) -> list[str]:
        """Send back what was put aside for stopping the tracker, as somebody who has looked at it does."""
        again = [each for each in self.dead_letters.waiting.values() if "reason" not in json.loads(each.body)]
        for each in again:
            self.usage_queue.take(each.body, {})
            del self.dead_letters.waiting[each.id]
            self.weather.marks["messages redriven"] += 1
        return [each.body for each in again]

    def _run(self, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what a handler returns
        """Call a function that nobody waits for; None if it died or failed, as Lambda's errors show."""
        try:
            return self.functions.invoke(function, event)
        except Died:
            self._perish()
        except Exception as error:  # noqa: BLE001 - so does Lambda
            self.weather.marks[f"errors of {function}"] += 1
            if self.weather.is_calm:
                self.troubles.append(f"{function} ended with {type(error).__name__} in calm weather: {error}")
        return None

    def _perish(self) -> None:
        self.functions.begin_anew()

    def _is_deadly(self, message: Waiting) -> bool:
        """Whether a message stops the function: a few do, again and again, for a while."""
        if message.receives == 1 and self.weather.strikes(self.weather.climate.deadly):
            self._deadly[message.id] = self.weather.drawn([4, 6, 7])
        return not self.weather.is_calm and message.receives <= self._deadly.get(message.id, 0)

    # When it runs.

    @property
    def runs(self) -> list[tuple[datetime | None, Callable[[], None]]]:
        """What runs by itself, and when it has something to do next."""
        return [
            (self.usage_queue.next_at, self.track),
            (self.event_queue.next_at, self.follow),
            (self.now + timedelta(seconds=5) if self.memory.stream else None, self.announce),
            (self._reports_at, self.report),
            (self._sweeps_at, self.sweep),
            (self._next(HOUR, self.memory.first_due(Due.MIRROR)) if self._mirrors else None, self.mirror),
        ]

    @property
    def _reports_at(self) -> datetime | None:
        closing, charging = self.memory.first_due(Due.CLOSE), self.memory.first_due(Due.CHARGE)
        first = min((each for each in (closing and closing + SETTLING, charging) if each), default=None)
        return self._next(QUARTER, first)

    @property
    def _sweeps_at(self) -> datetime | None:
        if self._swept_at is None or self._sweeps_on:
            return self._next(HOUR, self.now)
        asks = self.memory.first_due(Due.ASK)
        return self._next(HOUR, min(filter(None, (asks, self._swept_at + self._sweeps_every))))

    def _next(self, every: timedelta, due: datetime | None) -> datetime | None:
        """Return the next run of a schedule at which something is due that is due then."""
        if due is None:
            return None
        at = max(due, self.now)
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + (at - midnight) // every * every + every
