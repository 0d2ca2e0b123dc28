"""A month of two customers, lived through the public API only, and the invoices it ends in.

The busy one is that of the audit Tollkeeper was written for: a professional customer makes 15,000 API calls,
1,200 AI queries and 600 exports in a month, and was charged $119 where $219 is due. The careful one accepts
$10 of overage, and goes beyond.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched

from infra.local.console import console, step
from infra.local.customer import Customer, Json, UsageRecord
from infra.local.places import Home, Stack
from infra.local.renewals import Figure, Line, Renewal, dollars
from infra.local.stack import down, stripe_client, up

PLAN = "professional"
BUSY = {"apiCalls": 15_000, "aiQueries": 1_200, "exports": 600}
LAST_SECOND = {"apiCalls": 1_000}
"""How much of that the busy customer does in the last second of the period."""
CAREFUL = {"apiCalls": 12_000}
CAP = 10_00
"""The cents of overage that the careful customer accepts."""
TOTAL = 219_00

RECORDS_PER_REQUEST = 1_000
CONNECTIONS = 2
# How far into the period the usage lies, and how long after its end the invoice is certainly final: a renewal
# is a draft for an hour, unless somebody holds it for longer.
USAGE_WITHIN = timedelta(days=7)
FINALISATION = timedelta(hours=2)
SECOND = timedelta(seconds=1)
STANDSTILL_SECONDS = 30.0
"""How long counts may stand still before they are taken as they are."""


@dataclass(frozen=True)
class Period:
    """The period that is paid for."""

    start: datetime
    end: datetime

    def words(self, title: str, arithmetic: str) -> str:
        """Return how a line of it must be described."""
        year = "" if self.start.year == self.end.year else f" {self.start:%Y}"
        return f"{title}, {self.start:%-d %b}{year} to {self.end:%-d %b %Y}: {arithmetic}"


@dataclass(frozen=True)
class Month:
    """The month as it was lived: what the busy customer is and paid, and every figure known in advance."""

    busy: Customer
    period: Period
    renewal: Renewal
    figures: Sequence[Figure]


def busy_lines(period: Period) -> list[Line]:
    """Return what the busy customer's invoice must say.

    The plan includes 10,000 API calls, 1,000 AI queries and 500 exports; each beyond them costs 1, 10 and 50
    cents.
    """
    calls = period.words("API calls", "15,000 used − 10,000 included = 5,000 × $0.01")
    queries = period.words("AI queries", "1,200 used − 1,000 included = 200 × $0.10")
    exports = period.words("Exports", "600 used − 500 included = 100 × $0.50")
    return [
        Line("Professional", 1, 99_00),
        Line("API calls over the limit", 5_000, 50_00, calls),
        Line("AI queries over the limit", 200, 20_00, queries),
        Line("Exports over the limit", 100, 50_00, exports),
    ]


def careful_lines() -> list[Line]:
    """Return what the careful customer's invoice must say: 2,000 calls more than included, $10 accepted."""
    return [Line("Professional", 1, 99_00), Line("API calls over the limit", 1_000, 10_00)]


def run(home: Home) -> int:
    """Bring up a stack of the demo's own, live the month on it, stop it. Exit code 1 if a figure is off."""
    own = Home(home.folder / "demo")
    down(own)  # what a demo that was killed may have left
    try:
        figures = live_a_month(own, up(own)).figures
    finally:
        with step("Stop everything"):
            down(own)
    off = [figure for figure in figures if figure.is_off]
    for figure in off:
        console.print(f"{figure.name} is off: expected {figure.expected}, found {figure.found}", style="red")
    if off:
        return 1
    console.print(
        f"[bold green]All {len(figures)} figures are right: {dollars(TOTAL)} is due, and charged.[/]"
    )
    return 0


def live_a_month(home: Home, stack: Stack) -> Month:
    """Subscribe, pass the trial, use, pass the period's end."""
    busy, careful = (
        Customer(home, stack, user_id=f"{name}-{uuid.uuid4().hex[:8]}") for name in ("busy", "careful")
    )
    with step(f"{busy.user_id} and {careful.user_id} buy the {PLAN} plan") as work:
        for customer in (busy, careful):
            customer.buy(PLAN)
        trial_ends = [_trial_end(each.once("trialing")) for each in (busy, careful)]
        work.outcome = f"on trial until {trial_ends[0]:%-d %B %Y}"
    with step("The trial passes, and a week more") as work:
        busy.move_clock(max(trial_ends) + USAGE_WITHIN)
        active = busy.once("active")
        period = Period(
            *(datetime.fromisoformat(active[key]) for key in ("currentPeriodStart", "currentPeriodEnd"))
        )
        work.outcome = f"active, {period.start:%-d %B} to {period.end:%-d %B %Y}"
    _send(busy, _first_weeks_records(period.start))
    with step(f"The careful customer accepts {dollars(CAP)} of overage, and goes beyond"):
        careful.once("active")
        careful.accept(CAP)
        midway = period.start + USAGE_WITHIN / 2
        careful.report([UsageRecord("all", metric, midway, each) for metric, each in CAREFUL.items()])
        _counted(careful, CAREFUL)
    with step("The period's last second comes"):
        busy.move_clock(period.end - SECOND)
    _send(busy, _last_seconds_records(period.end))
    with step("The ledger counts them"):
        counted = _counted(busy, BUSY)
    quota = ", ".join(f"{name} {value}" for name, value in busy.quota("apiCalls").items())
    console.print(f"  GET /quota/apiCalls: {quota}", style="dim")
    with step("The period passes, and Stripe finalises the invoice"):
        busy.move_clock(period.end + FINALISATION)
    stripe = stripe_client(stack.stripe)
    capped = Renewal.of(stripe, str(careful.once("active")["customerId"]))
    renewal = Renewal.of(stripe, str(active["customerId"]))
    renewal.show()
    usage = [
        Figure(f"{metric} in GET /subscription", f"{quantity:,}", f"{counted[metric]:,}")
        for metric, quantity in BUSY.items()
    ]
    figures = [
        *usage,
        *capped.figures("the careful customer's", careful_lines()),
        *renewal.figures("the", busy_lines(period)),
    ]
    return Month(busy, period, renewal, figures)


def _trial_end(shown: Json) -> datetime:
    return datetime.fromisoformat(shown["trial"]["endsAt"])


def _first_weeks_records(period_start: datetime) -> list[UsageRecord]:
    """One record for each thing the customer did before the last second, over the first week."""
    before = {metric: quantity - LAST_SECOND.get(metric, 0) for metric, quantity in BUSY.items()}
    return [
        UsageRecord(f"{metric}-{number}", metric, period_start + USAGE_WITHIN * (number / quantity))
        for metric, quantity in before.items()
        for number in range(quantity)
    ]


def _last_seconds_records(period_end: datetime) -> list[UsageRecord]:
    return [
        UsageRecord(f"last-{metric}-{number}", metric, period_end - SECOND)
        for metric, quantity in LAST_SECOND.items()
        for number in range(quantity)
    ]


def _send(customer: Customer, records: Sequence[UsageRecord]) -> None:
    """Send the records over several connections at once."""
    requests = list(batched(records, RECORDS_PER_REQUEST, strict=False))
    title = f"POST /usage takes {len(records):,} records, in {len(requests)} requests"
    with step(title, len(requests)) as work, ThreadPoolExecutor(CONNECTIONS) as connections:
        for answered, _ in enumerate(connections.map(customer.report, requests), start=1):
            work.reached(answered)


def _counted(customer: Customer, sent: Mapping[str, int]) -> Mapping[str, int]:
    """The counts in GET /subscription once they have reached what was sent, or stand still for long."""
    usage: Mapping[str, int] = {}
    since = time.monotonic()
    for shown in customer.watch_for("usage of all that was sent"):
        if shown["usage"] != usage:
            usage, since = shown["usage"], time.monotonic()
        is_all = all(usage[metric] >= quantity for metric, quantity in sent.items())
        if is_all or time.monotonic() - since > STANDSTILL_SECONDS:
            break
    return usage
