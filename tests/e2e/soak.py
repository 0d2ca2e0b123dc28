"""Mixed traffic at the local stack for some minutes, with faults on: `make soak MINUTES=10`.

Subscribers and free users report, ask, consume, release, look at their page and are renewed, while webhooks
come twice, late, in any order or never, Stripe's calls fail before or after they took effect, usage comes
twice and by both doors, and strangers knock. What was acknowledged is written down here. At the end faults
cease, what is due comes to its end, and ledger, invoices and the operator's own reconciliation must say the
same: drift 0.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from infra.local.console import console, step
from infra.local.customer import Customer
from infra.local.edition import Edition
from infra.local.places import Home, Stack
from infra.local.stack import down, up
from tests.e2e.callers import Callers
from tests.e2e.queues import Queues
from tests.e2e.soak_books import Books, Drift
from tests.e2e.soak_traffic import Traffic

PLANS = ("starter", "professional", "starter", "professional", None, None)
"""What the users bought; None is nothing."""

STEP = timedelta(days=4, hours=7)
"""How far the clock moves between two rounds."""

QUIET = timedelta(days=4)
"""After so long what was held or tried again has come to its end: a hold lasts 72 hours."""

CONNECTIONS = 8
MOVES = 10
"""So often the clock is moved on, should a function fail on its way: the next run finds what it left."""

DELIVERIES = {"drop": 0.1, "duplicate": 0.3, "reorder": True, "delaySeconds": 0.5}
WRONG = (
    ("POST", "/v1/invoices/*/add_lines", "lost", "after"),
    ("POST", "/v1/invoices/*/add_lines", "500", "before"),
    ("POST", "/v1/invoices/*", "lock_timeout", "before"),
    ("GET", "/v1/subscriptions", "500", "before"),
    ("GET", "/v1/subscriptions", "endpoint-concurrency", "before"),
    ("GET", "/v1/invoices/*", "lost", "after"),
    ("*", "*", "429", "before"),
)


class Soak:
    """One run, at a stack of its own."""

    def __init__(self, home: Home, stack: Stack, chance: random.Random) -> None:
        self._stack = stack
        self._chance = chance
        self._callers = Callers(home, stack)
        self.queues = Queues(stack)
        self.books = Books(home, stack, self._callers)
        self.users = [f"soak-{number}" for number in range(len(PLANS))]
        self._customers = [Customer(home, stack, each) for each in self.users]
        self.traffic = Traffic(stack, self._callers, self.queues, self.books)
        self.failed_moves = 0

    def subscribe(self) -> None:
        """Let those subscribe who do, and let their trials pass."""
        subscribers = [(each, plan) for each, plan in zip(self._customers, PLANS, strict=True) if plan]
        for customer, plan in subscribers:
            customer.buy(plan)
        shown = [customer.once("trialing") for customer, _ in subscribers]
        ends = [datetime.fromisoformat(each["trial"]["endsAt"]) for each in shown]
        self.move(max(ends) + timedelta(hours=2))
        for (customer, plan), bought in zip(subscribers, shown, strict=True):
            active = customer.once("active")
            start = datetime.fromisoformat(active["currentPeriodStart"])
            self.books.open_account(customer.user_id, str(bought["customerId"]), plan, start)

    def live(self, seconds: float) -> int:
        """Let rounds pass for so long, and say how many."""
        begun, rounds = time.monotonic(), 0
        columns = [TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()]
        with (
            Progress(*columns, console=console, transient=True) as progress,
            ThreadPoolExecutor(CONNECTIONS) as people,
        ):
            task = progress.add_task("Soaking", total=seconds)
            while (passed := time.monotonic() - begun) < seconds:
                now = self._callers.now()
                progress.update(task, completed=passed, description=f"{now:%-d %B %Y}, round {rounds + 1}")
                self._disturb()
                list(people.map(lambda act: act(), self.traffic.round(now, self.users, self._chance)))
                self.move(now + STEP)
                rounds += 1
                console.print(
                    f"[dim]{time.monotonic() - begun:4.0f} s  {now:%Y-%m-%d}  "
                    f"{sum(self.books.acknowledged.values()):,} units acknowledged, "
                    f"{self.traffic.answers.total():,} answers[/]"
                )
        return rounds

    def _disturb(self) -> None:
        drawn = self._chance.sample(WRONG, 3)
        names = ("method", "path", "answer", "effect")
        faults = [
            dict(zip(names, each, strict=True)) | {"count": self._chance.randint(1, 3)} for each in drawn
        ]
        self._put("deliveries", DELIVERIES)
        self._put("faults", {"faults": faults})

    def calm(self) -> None:
        """Let nothing go wrong any more, and what is under way come to its end."""
        self._put("faults", {"faults": []})
        self._put("deliveries", {})
        self.move(self._callers.now() + QUIET)
        self.queues.settle()

    def move(self, to: datetime) -> None:
        """Move the clock, again where a function failed on the way: its schedule runs it again.

        Raises:
            RuntimeError: it does not arrive.
        """
        for _ in range(MOVES):
            answer = httpx.put(
                f"{self._stack.stripe}/_sandbox/clock",
                json={"now": to.isoformat()},
                timeout=600,
                trust_env=False,
            )
            if answer.is_success:
                return
            self.failed_moves += 1
        raise RuntimeError(f"the clock does not come to {to}: {answer.text}")

    def _put(self, what: str, setting: object) -> None:
        address = f"{self._stack.stripe}/_sandbox/{what}"
        httpx.put(address, json=setting, trust_env=False).raise_for_status()


def main() -> int:
    """Run it; exit 1 on any drift, and on any answer that should not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        try:
            soak = Soak(home, up(home, Edition()), random.Random(arguments.seed))  # noqa: S311 - repeatable chance
            with step(f"{len(PLANS)} users begin, and trials pass"):
                soak.subscribe()
            rounds = soak.live(arguments.minutes * 60)
            with step("Faults cease, and what is under way comes to its end"):
                soak.calm()
            with step("Compare what was acknowledged, counted and billed") as work:
                found = soak.books.compare()
                work.failed = bool(found)
                work.outcome = f"drift {sum(each.size for each in found)}"
        finally:
            with step("Stop everything"):
                down(home)
    return told(soak, rounds, found)


def told(soak: Soak, rounds: int, found: Sequence[Drift]) -> int:
    """Say what it came to, and return the exit code."""
    bad = Counter({what: count for what, count in soak.traffic.answers.items() if soak.traffic.is_bad(what)})
    books = soak.books
    units, days = sum(books.acknowledged.values()), (rounds * STEP).days
    console.print(
        f"{rounds} rounds, {days} days, {units:,} units acknowledged to {len(PLANS)} users, "
        f"{books.invoices} renewals of which {books.charged} charge overage"
    )
    console.print(f"answers: {dict(sorted(soak.traffic.answers.items()))}")
    console.print(f"{soak.failed_moves} runs of functions failed and were repaired by later ones")
    for each in found:
        console.print(f"[red]{each}[/]")
    for what, count in bad.items():
        console.print(f"[red]{count} × {what}[/]")
    return int(bool(found or bad))


if __name__ == "__main__":
    sys.exit(main())
