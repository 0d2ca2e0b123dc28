"""What was acknowledged in a soak, and whether ledger, invoices and dead letters agree with it."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import boto3
from stripe import Invoice

from infra.local.places import Home, Stack
from infra.local.stack import stripe_client
from tests.e2e.callers import Callers
from tests.e2e.operators import operate
from tests.ledger.tables import CREDENTIALS
from tollkeeper.catalogue import load

MARGIN = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Account:
    """A subscriber: the customer at Stripe, the plan, and the start of the first period that is paid for."""

    customer_id: str
    plan: str
    start: datetime


class Drift(NamedTuple):
    """Something that is not what it must be, and by how much."""

    what: str
    expected: int
    found: int

    @property
    def size(self) -> int:
        """By how much it is off."""
        return abs(self.expected - self.found)

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected:,}, found {self.found:,}"


class Books:
    """Each unit that was acknowledged, by user, metric and instant; nothing of Tollkeeper's is asked."""

    def __init__(self, home: Home, stack: Stack, callers: Callers) -> None:
        self._home = home
        self._stack = stack
        self._callers = callers
        self._catalogue = load()
        self._lock = threading.Lock()
        self.acknowledged: Counter[tuple[str, str, datetime]] = Counter()
        self._accounts: dict[str, Account] = {}
        self.invoices = self.charged = 0

    def open_account(self, user: str, customer_id: str, plan: str, start: datetime) -> None:
        """Know a subscriber."""
        self._accounts[user] = Account(customer_id, plan, start)

    def acknowledge(self, user: str, metric: str, quantity: int, at: datetime) -> None:
        """Write down what was taken, or allowed."""
        with self._lock:
            self.acknowledged[user, metric, at] += quantity

    def used(self, user: str, metric: str, start: datetime, end: datetime) -> int:
        """Return what was acknowledged of a metric from a start to before an end."""
        return sum(
            quantity
            for (name, kind, at), quantity in self.acknowledged.items()
            if (name, kind) == (user, metric) and start <= at < end
        )

    def compare(self) -> list[Drift]:
        """Return all that differs."""
        found = [*self._counted(), *self._billed(), *self._dead_letters(), *self._reconciled()]
        return [each for each in found if each.size]

    def _counted(self) -> Iterator[Drift]:
        """Compare what each user used with what GET /usage says of all time."""
        instants = [at for _, _, at in self.acknowledged]
        span = {"from": f"{min(instants) - MARGIN:%Y-%m-%d}", "to": f"{max(instants) + MARGIN:%Y-%m-%d}"}
        for user in sorted({name for name, _, _ in self.acknowledged}):
            shown = self._callers.service.get(f"/users/{user}/usage", params=span | {"granularity": "month"})
            total = shown.json()["total"]
            for metric in self._catalogue.metrics:
                expected = self.used(user, metric, min(instants), max(instants) + MARGIN)
                yield Drift(f"{metric} of {user}", expected, total.get(metric, 0))

    def _billed(self) -> Iterator[Drift]:
        """Compare the overage of each period that ended with the lines of its invoice."""
        stripe = stripe_client(self._stack.stripe)
        names = {each.id: each.name for each in stripe.v1.products.list({"limit": 100}).auto_paging_iter()}
        for user, account in self._accounts.items():
            asked = {"customer": account.customer_id, "limit": 100}
            for invoice in stripe.v1.invoices.list(asked).auto_paging_iter():  # type: ignore[arg-type]
                if invoice.billing_reason == "subscription_cycle":
                    yield from self._of_invoice(user, account, invoice, names)

    def _of_invoice(
        self, user: str, account: Account, invoice: Invoice, names: dict[str, str]
    ) -> Iterator[Drift]:
        start, end = (datetime.fromtimestamp(at, UTC) for at in (invoice.period_start, invoice.period_end))
        lines: Counter[str] = Counter()
        for line in invoice.lines.data:
            details = line.pricing and line.pricing.price_details
            lines[names[details.product] if details else "no product"] += line.quantity or 0
        self.invoices += 1
        self.charged += len(lines) > 1
        limits = self._catalogue.plans[account.plan].limits
        for metric in self._catalogue.priced_metrics:
            used = self.used(user, metric.name, start, end)
            over = max(0, used - limits[metric.name]) if start >= account.start else 0
            what = f"{metric.display_name} over the limit"
            yield Drift(f"{what} of {user}, {start:%Y-%m-%d} to {end:%Y-%m-%d}", over, lines[what])
        yield Drift(f"drafts of {user}", 0, int(invoice.status != "paid"))

    def _dead_letters(self) -> Iterator[Drift]:
        sqs = boto3.client("sqs", endpoint_url=self._stack.awsEndpoint, **CREDENTIALS)
        for url in sqs.list_queues()["QueueUrls"]:
            if "Dead" in url:
                attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
                yield Drift(url.rpartition("/")[2], 0, int(attributes["ApproximateNumberOfMessages"]))

    def _reconciled(self) -> Iterator[Drift]:
        """Run `make reconcile`."""
        try:
            operate(self._home, "reconcile")
        except AssertionError as failed:
            yield Drift(f"make reconcile: {failed}", 0, 1)
