"""What the reporter costs: idle, beside the bare calls of Stripe's SDK, and when 10,000 periods end at once.

The last is on a virtual clock. Assumed are the latencies of `virtual`, Stripe's 200 ms a read and 400 ms a
write (1.5 and 2.5 s at the 99th percentile), 25 calls a second to each of its endpoints, and 3 ms of a whole
processor a call of Stripe's and 1 ms one of DynamoDB's, of which the function with its 512 MB has a share.
Twice the memory would make it half a minute faster of 36: it waits for Stripe.
"""

import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from tests.bench.capacity import MeteredTable
from tests.bench.figures import Figure, Paired
from tests.bench.stripe_answers import Answers, client
from tests.bench.virtual import PROCESSOR, Lanes, latency
from tests.fakes.table import MemoryTable
from tests.ledger.billing_house import END, MINUTE, House, Queue, busy_house, endless
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import Key, Row, Write
from tollkeeper.ledger.tracking import QueueBacklog
from tollkeeper.periods.charging import Charging, StripeForCharging
from tollkeeper.periods.reporter import Reporter
from tollkeeper.periods.settling import Settling
from tollkeeper.rules.bills import Policy
from tollkeeper.rules.invoices import Invoice, InvoiceLine, InvoiceStatus, Renewal
from tollkeeper.rules.overage import amount
from tollkeeper.rules.times import epoch
from tollkeeper.runtime.periods import REPORTER_WORKERS
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.gateway import StripeGateway

MANY = 10_000
CALLS_A_SECOND = 25.0
RUN_SECONDS, RESERVE_SECONDS = 900.0, 15.0
STRIPE_CPU, DYNAMODB_CPU = 0.003, 0.001
SHARE = PROCESSOR / 2
ROUNDS, PERIODS = 5, 100


def figures() -> list[Figure]:
    """Measure all three."""
    idle, times, ended = idle_ratio(), processor_times(), all_at_once()
    return [
        Figure(
            "reporter_idle_ratio",
            f"a run with {MANY} users whose period goes on over one with none",
            idle,
            1.0,
        ),
        Figure(
            "reporter_cpu_ratio",
            f"a charged period over its bare Stripe calls ({times} ms)",
            times.ratio,
            1.5,
        ),
        Figure("reporter_minutes_for_10000", "minutes until all are charged (assumed)", ended.minutes),
        Figure("reporter_minutes_to_hold", "… until the last draft is held (assumed)", ended.held, 60),
    ]


def copies(table: MemoryTable, number: int) -> Iterator[str]:
    """Fill a table with as many users as that, each with the rows that Ada has there; return their names."""
    template = [(key, row) for key, row in table.rows.items() if key.pk == keys.user("ada")]
    for at in range(number):
        user = f"user_2abcDEFghiJKLmno{at:05}"
        for key, row in template:
            there = Key(keys.user(user), key.sk.replace("sub_ada", f"sub_{user}"))
            mine: Row = {
                name: value.replace("sub_ada", f"sub_{user}").replace("cus_ada", f"cus_{user}")
                if isinstance(value, str)
                else value
                for name, value in row.items()
            }
            mine |= {"pk": there.pk, "sk": there.sk, "userId": user}
            if "due" in mine:
                mine["due"] = keys.shard(Due(str(mine["due"]).partition("#")[0]), user)
            table.rows[there] = mine
        yield user


def idle_ratio() -> float:
    """Return requests and reads of a run with many users over those of a run with none."""

    def cost(users: int) -> float:
        table = MeteredTable()
        house = House(table=table)
        house.use()
        list(copies(table, users))
        for key in [key for key in table.rows if key.pk == keys.user("ada")]:
            del table.rows[key]
        table.requests, table.read_units = 0, 0.0
        house.reporter().run(endless())
        return table.requests + table.read_units

    return cost(MANY) / cost(0)


def processor_times() -> Paired:
    """Time charging through the gateway, and the same calls of the SDK alone, in turns."""
    return Paired([(_charged(), _bare()) for _ in range(ROUNDS)])


def _charged() -> float:
    """Return ms of processor time a period, from its end to its release."""
    table = UntimedTable()
    house = busy_house(table=table)
    users = list(copies(table, PERIODS))
    table.seconds = 0.0
    answers = Answers(epoch(END), {f"sub_{user}": f"in_{user}" for user in ["ada", *users]})
    stripe = cast("StripeForCharging", StripeGateway(client(answers), load(), "live"))
    house.at(5 * MINUTE)
    reporter = house.reporter(stripe=stripe)
    begun = time.process_time()
    report = reporter.run(endless())
    took = time.process_time() - begun - table.seconds
    if report["released"] != PERIODS + 1:
        raise RuntimeError(f"not all were charged: {report}")
    return 1000 * took / (PERIODS + 1)


class UntimedTable(MemoryTable):
    """A table in memory that says what time it took itself, which DynamoDB's takes elsewhere."""

    seconds = 0.0

    def transact(self, writes: Sequence[Write]) -> None:
        """Write."""
        begun = time.process_time()
        super().transact(writes)
        self.seconds += time.process_time() - begun

    def due(self, shard: str, until: str) -> list[Key]:
        """Read the index."""
        begun = time.process_time()
        found = super().due(shard, until)
        self.seconds += time.process_time() - begun
        return found


def _bare() -> float:
    """Return ms of processor time for the same calls, made by nobody's rules."""
    ids = [f"user_2abcDEFghiJKLmno{at:05}" for at in range(PERIODS)]
    answers = Answers(epoch(END), {f"sub_{each}": f"in_{each}" for each in ids})
    invoices = client(answers).v1.invoices
    line = {
        "quantity": 500,
        "pricing": {"price": "price_1"},
        "period": {"start": epoch(END) - 2_592_000, "end": epoch(END)},
        "description": "API calls, 10 Mar to 9 Apr 2026: 1,500 used − 1,000 included = 500 × $0.01",
        "discountable": False,
        "metadata": {"charge": "c" * 70, "eventType": "apiCalls", "userId": "ada", "deployment": "live"},
    }
    subscription = "parent.subscription_details.subscription"
    begun = time.process_time()
    for each in ids:
        invoice = f"in_{each}"
        listed: Any = {
            "subscription": f"sub_{each}",
            "created": {"gte": epoch(END)},
            "limit": 100,
            "expand": [f"data.{subscription}"],
        }
        list(invoices.list(listed).auto_paging_iter())
        invoices.update(invoice, {"automatically_finalizes_at": epoch(END) + 259_200})
        invoices.retrieve(invoice, {"expand": [subscription]})
        invoices.add_lines(
            invoice,
            cast("Any", {"lines": [line] * 3}),
            {"idempotency_key": f"key-{each}", "max_network_retries": 0},
        )
        invoices.retrieve(invoice, {"expand": [subscription]})
        invoices.update(invoice, {"automatically_finalizes_at": epoch(END) + 3_600})
        invoices.retrieve(invoice, {"expand": [subscription]})
    return 1000 * (time.process_time() - begun) / PERIODS


@dataclass(frozen=True, slots=True)
class AllAtOnce:
    """Minutes after the end until the last draft was held, and until the last was charged."""

    held: float
    minutes: float


class Machine:
    """What calls cost on the virtual clock: latency, Stripe's limits, the function's share of a processor."""

    def __init__(self, workers: int) -> None:
        self.lanes = Lanes(workers)
        self._chance = random.Random(1)  # noqa: S311 - draws latencies
        self._free = 0.0
        self._endpoints: defaultdict[str, float] = defaultdict(float)

    @property
    def now(self) -> datetime:
        """The time: runs are each a quarter of an hour, the first five minutes after the end."""
        return END + 5 * MINUTE + timedelta(seconds=self.lanes.now())

    def seconds_until(self, instant: float) -> float:
        """Return how long it is until then."""
        return instant - self.lanes.now()

    def call(self, cpu: float, middle: float, late: float, endpoint: str | None = None) -> None:
        """Make a call: its processor's time, its turn at the endpoint, and its latency."""
        self._free = max(self._free, self.lanes.now()) + cpu / SHARE
        at = self._free
        if endpoint:
            at = self._endpoints[endpoint] = max(self._endpoints[endpoint] + 1 / CALLS_A_SECOND, at)
        self.lanes.wait_until(at + latency(self._chance, middle, late))


class SlowTable(MemoryTable):
    """A table whose calls take their time."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine

    def get_all(self, keys: Iterable[Key]) -> Iterator[Row]:
        """Read rows, after a while."""
        self._machine.call(DYNAMODB_CPU, 6, 30)
        return super().get_all(keys)

    def transact(self, writes: Sequence[Write]) -> None:
        """Write, after a while."""
        self._machine.call(DYNAMODB_CPU, 12 + 0.35 * len(writes), 60)
        super().transact(writes)


class SlowStripe:
    """Drafts of many, one each, whose calls take their time."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._drafts: dict[str, Invoice] = {}
        self.held_at = 0.0

    def renewal(self, subscription_id: str, _: datetime) -> Renewal:
        """Return the draft that was made at the end, if it is one still."""
        self._machine.call(STRIPE_CPU, 200, 1_500, "list")
        name = subscription_id.replace("sub_", "in_")
        made = Invoice(name, InvoiceStatus.DRAFT, advances=True, created=END, finalizes_at=END + 60 * MINUTE)
        if self._machine.now >= END + 60 * MINUTE:
            raise RuntimeError("a draft was not held in time")
        return Renewal(self._drafts.setdefault(name, made))

    def invoice(self, invoice_id: str) -> Invoice:
        """Return a draft."""
        self._machine.call(STRIPE_CPU, 200, 1_500, "retrieve")
        return self._drafts[invoice_id]

    def finalize_at(self, invoice_id: str, at: datetime) -> None:
        """Hold or release a draft."""
        self._machine.call(STRIPE_CPU, 400, 2_500, "update")
        self._drafts[invoice_id] = replace(self._drafts[invoice_id], finalizes_at=at)
        if at > self._machine.now + timedelta(hours=24):
            self.held_at = self._machine.lanes.now()

    def add_lines(self, invoice_id: str, lines: Sequence[ChargeLine], _: str) -> None:
        """Put lines onto a draft."""
        self._machine.call(STRIPE_CPU, 400, 2_500, "add_lines")
        put = [
            InvoiceLine(each.charge_id, each.charge_id, each.quantity, amount(each.quantity, each.price))
            for each in lines
        ]
        self._drafts[invoice_id] = replace(self._drafts[invoice_id], lines=tuple(put))


class Hands:
    """The clock of a run."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def now(self) -> datetime:
        """Return the virtual time."""
        return self._machine.now

    def at(self, wall: datetime) -> datetime:
        """Return an instant as it is."""
        return wall


def all_at_once(workers: int = REPORTER_WORKERS, number: int = MANY) -> AllAtOnce:
    """Let so many periods end at one instant, and the reporter run by its schedule until all are charged."""
    house = busy_house()
    machine = Machine(workers)
    table = SlowTable(machine)
    table.rows = house.table.rows
    list(copies(table, number - 1))
    stripe = SlowStripe(machine)
    charging = Charging(Bills(table), cast("StripeForCharging", stripe), load(), Policy(), "live")
    settling = Settling(Queue(), QueueBacklog(table))
    reporter = Reporter(table, charging, settling, Hands(machine), cast("Any", machine.lanes.side_by_side))
    charged = 0
    while charged < number:
        ends = machine.lanes.now() + RUN_SECONDS
        patience = Patience(partial(machine.seconds_until, ends - RESERVE_SECONDS), machine.lanes.wait)
        charged += reporter.run(patience)["released"]
        done = machine.lanes.now()
        machine.lanes.wait_until(ends)
    return AllAtOnce(5 + stripe.held_at / 60, 5 + done / 60)
