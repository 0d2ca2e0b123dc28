"""Many records on a bad day: `python -m tests.ledger.soak`, or `make soak-ledger`.

A hundred thousand records, 30 % of them sent again, shuffled, over 200 users and 8 metrics, through the
tracker into MiniStack, while transactions are throttled, conflict and time out before and after they are
made, and trackers die. At the end the ledger must hold what was sent, each record once: drift 0.
"""

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from pathlib import Path

import boto3
from botocore.config import Config
from rich.console import Console
from rich.progress import Progress

from infra.local import aws
from infra.local.places import Home
from tests.fakes.tracker import tracker_of
from tests.ledger.crashes import Crash, CrashingDeadLetters, CrashingTable, Moment, Outside
from tests.ledger.faults import BadDay
from tests.ledger.tables import CREDENTIALS, create_table
from tollkeeper.catalogue import load
from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.lines import listed_in
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.table import Table
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.times import iso
from tollkeeper.usage.batch import Message

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
OFFER = Offer(load(), date(2000, 1, 1))
USERS = 200
DUPLICATES = 0.3
FAULTS = 0.1
CRASHES = 0.5
BATCH = 4_000
WORKERS = 2

type Sent = dict[str, object]


@dataclass(frozen=True)
class Outcome:
    """What a soak came to. `drift` counts the units and records that are not as they should be."""

    sent: int
    different: int
    drift: int
    faults: Counter[str]
    crashes: int


def main() -> int:
    """Run the soak and print what it came to; exit 1 on any drift."""
    parser = argparse.ArgumentParser(prog="python -m tests.ledger.soak")
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        endpoint = aws.start(home)
        try:
            outcome = soak(endpoint, arguments.records, arguments.seed, Console(stderr=True))
        finally:
            aws.stop(home)
    print(  # noqa: T201 - a command line prints
        f"{outcome.sent:,} records sent, {outcome.different:,} different ones; "
        f"{dict(outcome.faults)}, {outcome.crashes} crashes; drift {outcome.drift}"
    )
    return int(outcome.drift != 0)


def soak(endpoint: str, records: int, seed: int, console: Console | None = None) -> Outcome:
    """Send records to a new table at an endpoint, and compare what it then holds with what was sent."""
    chance = random.Random(seed)  # noqa: S311 - repeatable chance
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=WORKERS * 2)
    client = boto3.client("dynamodb", endpoint_url=endpoint, config=config, **CREDENTIALS)
    name = f"soak-{seed}-{records}"
    create_table(client, name)
    table = DynamoTable(client, name)
    bad_day = BadDay(client, FAULTS, seed)
    different = [_record(number, chance) for number in range(round(records * (1 - DUPLICATES)))]
    sent = different + chance.choices(different, k=records - len(different))
    chance.shuffle(sent)
    batches = [(batch, chance.random()) for batch in batched(sent, BATCH, strict=False)]
    crashes = 0
    with (
        ThreadPoolExecutor(WORKERS) as workers,
        Progress(console=console, disable=console is None) as progress,
    ):
        task = progress.add_task("Counting", total=len(sent))
        for batch, crashed in workers.map(lambda each: _deliver(table, *each), batches):
            crashes += crashed
            progress.advance(task, len(batch))
    return Outcome(len(sent), len(different), drift(table, different), bad_day.faults, crashes)


def drift(table: Table, records: Sequence[Sent]) -> int:
    """Return by how much periods, days and records differ from each record counted once."""
    expected = Counter[tuple[str, str]]()
    for each in records:
        expected[str(each["userId"]), str(each["eventType"])] += int(str(each["quantity"]))
    total = 0
    for actual in (_counted(table, "PERIOD#"), _counted(table, "DAY#") + _listed(table)):
        total += sum(abs(expected[each] - actual[each]) for each in expected | actual)
    wanted = [keys.record(str(each["userId"]), str(each["id"])) for each in records]
    return total + len(records) - sum(1 for _ in table.get_all(wanted))


def _listed(table: Table) -> Counter[tuple[str, str]]:
    """Return what periods' rows list, which is in no day yet."""
    sums = Counter[tuple[str, str]]()
    for user in map(_user, range(USERS)):
        for row in table.query(keys.user(user), *keys.periods_alone()):
            for line in listed_in(row):
                sums[user, line.metric] += line.quantity
    return sums


def _counted(table: Table, prefix: str) -> Counter[tuple[str, str]]:
    sums = Counter[tuple[str, str]]()
    for user in map(_user, range(USERS)):
        for row in table.query(keys.user(user), prefix, f"{prefix}~"):
            for name, value in row.items():
                if name.startswith(rows.USED):
                    sums[user, name.removeprefix(rows.USED)] += int(value)
    return sums


def _deliver(table: Table, batch: Sequence[Sent], fate: float) -> tuple[Sequence[Sent], int]:
    """Deliver a batch until nothing of it fails; by its fate, its first tracker dies on the way."""
    crashed = 0
    messages = [
        Message(f"m{number}", json_of(some), NOW, receives=1)
        for number, some in enumerate(batched(batch, 400, strict=False))
    ]
    outside = Outside(int(fate * 1_000), Moment.AFTER if fate < CRASHES / 2 else Moment.BEFORE)
    if fate >= CRASHES:
        outside = Outside()
    while messages:
        through = CrashingTable(table, outside)
        tracker = tracker_of(
            through,
            Counting(through, OFFER),
            CrashingDeadLetters([], outside),
            OFFER.catalogue.metrics,
        )
        try:
            failed = tracker.track(messages, NOW, for_seconds(30)).failed
        except Crash:
            crashed += 1
            failed = {each.id for each in messages}
        messages = [Message(each.id, each.body, NOW, receives=2) for each in messages if each.id in failed]
    return batch, crashed


def json_of(records: Sequence[Sent]) -> str:
    """Return a message's body."""
    return json.dumps({"records": records, "acceptedAt": iso(NOW)})


def _record(number: int, chance: random.Random) -> Sent:
    return {
        "id": f"record-{number}",
        "userId": _user(chance.randrange(USERS)),
        "eventType": chance.choice(list(OFFER.catalogue.metrics)),
        "quantity": chance.randint(1, 5),
        "timestamp": iso(NOW - timedelta(minutes=chance.randrange(34 * 24 * 60))),
    }


def _user(number: int) -> str:
    return f"user-{number}"


if __name__ == "__main__":
    sys.exit(main())
