"""How long it takes to follow ten thousand renewals at one instant, on a virtual clock.

What is measured is the processor's time of the code that follows events, of Stripe's SDK too; boto3's is
left out. What is assumed is what Stripe (a read 200 ms, 1,500 at the 99th percentile) and DynamoDB
(`virtual`) take for an answer, and that Stripe's events come as fast as the webhook queues them, all five at
once: Stripe itself tells of the payment an hour later, which is a second burst of as many calls.

The functions that follow events are taken for one, which makes all of their calls, of batches as large as
theirs together, and waits for the last customer of each: several, who wait in turns, are no slower.
"""

import json
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter
from stripe import StripeClient

from functions.stripe_events.app import RESERVE_SECONDS
from infra.processed_template import processed
from tests.bench.figures import Figure
from tests.bench.virtual import PROCESSOR, Lanes, latency
from tests.examples import CATALOGUE, OFFER
from tests.fakes.stripe_events import invoice, snapshot
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Key, Row, Write
from tollkeeper.ledger.users import Users
from tollkeeper.rules.times import epoch
from tollkeeper.stripe.event_queue import DeadEvent
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.stripe.gateway.pacing import Pacing
from tollkeeper.stripe.gateway.patient_client import PatientClient
from tollkeeper.subscriptions.event_batch import EventBatch, QueuedEvent
from tollkeeper.subscriptions.event_workers import workers_for
from tollkeeper.subscriptions.stripe_events import StripeEvents

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CUSTOMERS = 10_000
EVENTS_A_SECOND = 200.0
"""What the webhook queues: ten at once, each of which SQS keeps for a while."""

SPREAD_SECONDS = 3.0
"""Within which Stripe tells of one customer's renewal."""

PLAN = CATALOGUE.plans["professional"]


@dataclass
class Wall:
    """The wall clock, on the virtual one."""

    lanes: Lanes

    def now(self) -> datetime:
        """Return its time."""
        return self.at_second(self.lanes.now())

    def at(self, wall: datetime) -> datetime:
        """Return its own time."""
        return wall

    @staticmethod
    def at_second(second: float) -> datetime:
        """Return an instant of the virtual clock."""
        return NOW + timedelta(seconds=second)


class Answers(BaseAdapter):
    """Answers the SDK's calls where they would leave the machine: each customer has one subscription."""

    def __init__(self, lanes: Lanes) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self._lanes = lanes
        self._chance = random.Random(1)  # noqa: S311 - draws latencies

    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
        """Answer a list of subscriptions, after a while."""
        asked = urlsplit(str(request.url))
        self.calls[asked.path] += 1
        self._lanes.wait(latency(self._chance, 200, 1_500))
        (customer_id,) = parse_qs(asked.query)["customer"]
        response = Response()
        response.status_code = HTTPStatus.OK
        response.raw = BytesIO(json.dumps(_listed(customer_id)).encode())
        return response

    def close(self) -> None:
        """Nothing is open."""


class Ledger:
    """The ledger, which takes a while to answer; each user by themselves, so that it stays quick."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._chance = random.Random(2)  # noqa: S311 - draws latencies
        self._partitions: dict[str, MemoryTable] = defaultdict(MemoryTable)

    def query(self, pk: str, first: str, last: str, most: int | None = None) -> list[Row]:
        """Read neighbours."""
        self._lanes.wait(latency(self._chance, 5, 25))
        return self._partitions[pk].query(pk, first, last, most)

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Read rows."""
        self._lanes.wait(latency(self._chance, 6, 30))
        return (row for key in keys for row in self._partitions[key.pk].get_all([key]))

    def due(self, shard: str, until: str) -> list[Key]:
        """Nobody asks for what is due."""
        raise NotImplementedError(shard, until)

    def transact(self, writes: Sequence[Write]) -> None:
        """Write what is one user's."""
        self._lanes.wait(latency(self._chance, 12 + 0.35 * len(writes), 60))
        self._partitions[writes[0].key.pk].transact(writes)


class NoLetters:
    """A dead-letter queue that is never needed."""

    def keep(self, events: Sequence[DeadEvent]) -> list[int]:
        """Say what is wrong."""
        raise RuntimeError(f"{len(events)} events would be dead letters")


@dataclass(frozen=True, slots=True)
class Deployment:
    """What template.yaml says of the function that follows events."""

    calls_per_second: int
    functions: int
    batch: int
    window: int
    timeout: int
    memory: int

    @classmethod
    def read(cls) -> "Deployment":
        """Read it."""
        template = processed()
        source = template["Resources"]["StripeEventsQueue"]["Properties"]
        function = template["Resources"]["StripeEvents"]["Properties"]
        tuning = template["Mappings"]["Tuning"]
        return cls(
            int(tuning["StripeCallsPerSecond"]["prod"]),
            int(tuning["StripeEventConcurrency"]["prod"]),
            source["BatchSize"],
            source["MaximumBatchingWindowInSeconds"],
            function["Timeout"],
            function["MemorySize"],
        )


LONGEST_SECONDS = 4 * 3600.0
"""After which something else is wrong than the pace."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of renewals: virtual seconds until the last was followed, and calls to Stripe."""

    seconds: float
    calls: int


def run(customers: int, deployment: Deployment) -> Run:
    """Let so many customers renew at one instant."""
    workers = deployment.functions * workers_for(deployment.calls_per_second / deployment.functions)
    share = deployment.functions * PROCESSOR * deployment.memory / 1024
    lanes = Lanes(workers, share=share)
    answers, table = Answers(lanes), Ledger(lanes)
    wall = Wall(lanes)
    client = PatientClient(8.0, 4.0, lanes.wait, Pacing(deployment.calls_per_second, lanes.now, lanes.wait))
    client._session = Session()  # noqa: SLF001 - the SDK takes one when it is made, which is ours to do
    client._session.mount("https://", answers)  # noqa: SLF001
    stripe = StripeGateway(StripeClient("sk_test_bench", http_client=client), CATALOGUE, "live")
    users = Users(table)
    for number in range(customers):
        users.bind_customer(f"user-{number}", f"cus_{number}")
    events = StripeEvents(users, Bills(table), stripe, OFFER, "live", wall)
    begun = lanes.now()
    waiting = deque(sorted(_messages(customers, begun), key=lambda each: each[0]))
    while waiting:
        if lanes.now() - begun > LONGEST_SECONDS:
            raise RuntimeError(
                f"after {LONGEST_SECONDS:,.0f} virtual seconds {len(waiting)} events are not followed"
            )
        batch: list[QueuedEvent] = []
        while (
            waiting and waiting[0][0] <= lanes.now() and len(batch) < deployment.functions * deployment.batch
        ):
            sent, number, body = waiting.popleft()
            batch.append(QueuedEvent(str(number), body, 1, wall.at_second(sent)))
        if not batch:
            lanes.wait(deployment.window)
            continue
        patience = _patience(lanes, deployment.timeout - RESERVE_SECONDS)
        followed = EventBatch(batch, events).follow(NOW, patience, NoLetters(), lanes.side_by_side)
        waiting.extend(
            (lanes.now(), int(each.message_id), each.body)
            for each in batch
            if each.message_id in followed.failed
        )
    return Run(lanes.now() - begun, answers.calls.total())


def _patience(lanes: Lanes, seconds: float) -> Patience:
    """Return the patience of a function that begins now."""
    end = lanes.now() + seconds
    return Patience(lambda: end - lanes.now(), lanes.wait)


def _messages(customers: int, begun: float) -> Iterator[tuple[float, int, str]]:
    """Yield when each event of the renewals is on the queue, its number, and the event."""
    chance = random.Random(3)  # noqa: S311 - draws times
    for number in range(customers):
        told = begun + number * len(RENEWAL) / EVENTS_A_SECOND
        for which, (kind, make) in enumerate(RENEWAL):
            event = make(kind, number)
            sent = told + chance.uniform(0, SPREAD_SECONDS)
            yield sent, number * len(RENEWAL) + which, json.dumps(event)


def _noted(number: int) -> dict[str, str]:
    return {"userId": f"user-{number}", "planId": PLAN.name, "deployment": "live"}


def _of_invoice(kind: str, number: int) -> dict[str, Any]:
    details = {"subscription": f"sub_{number}", "metadata": _noted(number)}
    parent = {"type": "subscription_details", "subscription_details": details}
    return invoice(kind, f"evt_{number}_{kind}", id=f"in_{number}", customer=f"cus_{number}", parent=parent)


def _of_subscription(kind: str, number: int) -> dict[str, Any]:
    about = {"id": f"sub_{number}", "customer": f"cus_{number}", "metadata": _noted(number)}
    return snapshot(kind, f"evt_{number}_{kind}", **about)


RENEWAL: Sequence[tuple[str, Callable[[str, int], dict[str, Any]]]] = (
    ("invoice.created", _of_invoice),
    ("customer.subscription.updated", _of_subscription),
    ("invoice.finalized", _of_invoice),
    ("invoice.paid", _of_invoice),
    ("invoice.payment_succeeded", _of_invoice),
)


def _listed(customer_id: str) -> dict[str, Any]:
    """Return a list of one subscription as Stripe writes it, as far as it is read, and as long."""
    number = int(customer_id.partition("_")[2])
    price = {"id": "price_1", "object": "price", "product": PLAN.product_id, "unit_amount": 9_900}
    item = {
        "id": f"si_{number}",
        "object": "subscription_item",
        "price": price,
        "current_period_start": epoch(NOW),
        "current_period_end": epoch(NOW + timedelta(days=31)),
        "quantity": 1,
        "metadata": {},
    }
    card = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
    method = {"id": "pm_1", "object": "payment_method", "type": "card", "customer": customer_id, "card": card}
    subscription = {
        "id": f"sub_{number}",
        "object": "subscription",
        "customer": customer_id,
        "schedule": None,
        "status": "active",
        "created": epoch(NOW - timedelta(days=90)),
        "metadata": _noted(number),
        "items": {"object": "list", "data": [item], "has_more": False, "url": "/v1/subscription_items"},
        "default_payment_method": method,
        "trial_end": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "ended_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        **{f"padding_{field_}": None for field_ in range(30)},
    }
    return {"object": "list", "data": [subscription], "has_more": False, "url": "/v1/subscriptions"}


def figures() -> list[Figure]:
    """Measure ten thousand renewals, as the template deploys the function that follows their events."""
    deployment = Deployment.read()
    found = run(CUSTOMERS, deployment)
    floor = CUSTOMERS / deployment.calls_per_second / 60
    return [
        Figure(
            "renewals_minutes",
            f"10,000 renewals at one instant are followed (assumed); "
            f"{floor:.1f} by {deployment.calls_per_second} calls a second",
            found.seconds / 60,
            10,
        ),
        Figure(
            "renewals_stripe_calls",
            "… calls to Stripe a customer, of five events",
            found.calls / CUSTOMERS,
            1.1,
        ),
    ]
