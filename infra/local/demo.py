"""A busy customer's month, lived through the public API only, and the invoice it ends in.

The case is that of the audit Tollkeeper was written for: a professional customer makes 15,000 API calls,
1,200 AI queries and 600 exports in a month, and was charged $119 where $219 is due.
"""

import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched

from rich.table import Column, Table
from stripe import Invoice, InvoiceLineItem

from infra.local.console import console, step
from infra.local.customer import Customer, Json, UsageRecord
from infra.local.places import Home, Stack
from infra.local.stack import down, stripe_client, up

PLAN = "professional"
CARD = "4242424242424242"
USAGE = {"apiCalls": 15_000, "aiQueries": 1_200, "exports": 600}

# What the invoice must say: product → (quantity, cents). The plan includes 10,000 API calls, 1,000 AI queries
# and 500 exports; each beyond them costs 1, 10 and 50 cents.
LINES = {
    "Professional": (1, 99_00),
    "API calls over the limit": (5_000, 50_00),
    "AI queries over the limit": (200, 20_00),
    "Exports over the limit": (100, 50_00),
}
TOTAL = 219_00

RECORDS_PER_REQUEST = 1_000
CONNECTIONS = 2
# How far into the period the usage lies, and how long after its end the invoice is certainly final: Stripe
# keeps a renewal invoice open for an hour, or for as long as it is held, three days at most.
USAGE_WITHIN = timedelta(days=7)
FINALISATION = timedelta(days=3)


@dataclass(frozen=True)
class Line:
    """A line of the invoice; `amount` in cents."""

    product: str
    description: str
    quantity: int
    amount: int


@dataclass(frozen=True)
class Figure:
    """A figure that is known in advance, and what it turned out to be."""

    name: str
    expected: str
    found: str

    @property
    def is_off(self) -> bool:
        """Whether the two differ."""
        return self.expected != self.found


def run(home: Home) -> int:
    """Bring up a stack of the demo's own, live the month on it, stop it. Exit code 1 if a figure is off."""
    own = Home(home.folder / "demo")
    down(own)  # what a demo that was killed may have left
    try:
        figures = live_a_month(own, up(own))
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


def live_a_month(home: Home, stack: Stack) -> list[Figure]:
    """Subscribe, pass the trial, use, pass the period's end; return every figure known in advance."""
    customer = Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")
    with step(f"{customer.user_id} buys the {PLAN} plan") as work:
        customer.buy(PLAN, CARD)
        trial = _once(customer, "trialing")
        trial_ends = datetime.fromisoformat(trial["trial"]["endsAt"])
        work.outcome = f"on trial until {trial_ends:%-d %B %Y}"
    with step("The trial passes, and a week more") as work:
        customer.move_clock(trial_ends + USAGE_WITHIN)
        active = _once(customer, "active")
        period_start, period_end = (
            datetime.fromisoformat(active[key]) for key in ("currentPeriodStart", "currentPeriodEnd")
        )
        work.outcome = f"active, {period_start:%-d %B} to {period_end:%-d %B %Y}"
    _send(customer, _usage_records(period_start))
    counted = _counted(customer)
    quota = ", ".join(f"{name} {value}" for name, value in customer.quota("apiCalls").items())
    console.print(f"  GET /quota/apiCalls: {quota}", style="dim")
    with step("The period passes, and Stripe finalises the invoice"):
        customer.move_clock(period_end + FINALISATION)
    invoice, lines = _renewal(stack, active["customerId"])
    _show(invoice, lines)
    return _figures(counted, lines, invoice.total)


def _once(customer: Customer, status: str) -> Json:
    """The subscription as soon as it has this status on the plan that was bought."""
    return next(
        shown
        for shown in customer.watch_for(f"{status} subscription")
        if (shown["plan"], shown["status"]) == (PLAN, status)
    )


def _usage_records(period_start: datetime) -> list[UsageRecord]:
    """One record for each thing the customer did, spread evenly over the first week of the period."""
    return [
        UsageRecord(f"{metric}-{number}", metric, period_start + USAGE_WITHIN * (number / quantity))
        for metric, quantity in USAGE.items()
        for number in range(quantity)
    ]


def _send(customer: Customer, records: Sequence[UsageRecord]) -> None:
    """Send the records over several connections at once."""
    requests = list(batched(records, RECORDS_PER_REQUEST, strict=False))
    title = f"POST /usage takes {len(records):,} records, in {len(requests)} requests"
    with step(title, len(requests)) as work, ThreadPoolExecutor(CONNECTIONS) as connections:
        for answered, _ in enumerate(connections.map(customer.report, requests), start=1):
            work.reached(answered)


def _counted(customer: Customer) -> Mapping[str, int]:
    """The counts in GET /subscription once they have reached what was sent."""
    with step("The ledger counts them", sum(USAGE.values())) as work:
        for shown in customer.watch_for("usage of all that was sent"):
            usage: Mapping[str, int] = shown["usage"]
            work.reached(sum(usage[metric] for metric in USAGE))
            if all(usage[metric] >= quantity for metric, quantity in USAGE.items()):
                break
    return usage


def _renewal(stack: Stack, customer_id: str) -> tuple[Invoice, list[Line]]:
    """The customer's newest invoice in Stripe, and its lines."""
    stripe = stripe_client(stack.stripe)
    invoice = stripe.v1.invoices.list({"customer": customer_id, "limit": 1}).data[0]
    products = {product.id: product.name for product in stripe.v1.products.list({"limit": 100}).data}
    return invoice, [
        Line(_product(line, products), line.description or "", line.quantity or 0, line.amount)
        for line in invoice.lines.data
    ]


def _product(line: InvoiceLineItem, names: Mapping[str, str]) -> str:
    details = line.pricing and line.pricing.price_details
    return names[details.product] if details else "no product"


def _show(invoice: Invoice, lines: Sequence[Line]) -> None:
    table = Table("Invoice", Column("Amount", justify="right"), title_justify="left")
    for line in lines:
        table.add_row(line.description, dollars(line.amount))
    table.add_section()
    table.add_row(f"Total ({invoice.status})", dollars(invoice.total), style="bold")
    console.print(table)


def _figures(counted: Mapping[str, int], lines: Sequence[Line], total: int) -> list[Figure]:
    """What was counted, each line, any line that should not be there, and the total."""
    usage = [
        Figure(f"{metric} in GET /subscription", f"{quantity:,}", f"{counted[metric]:,}")
        for metric, quantity in USAGE.items()
    ]
    on_invoice = [
        Figure(
            f"{product} on the invoice",
            _charge(*LINES[product]) if product in LINES else "no line",
            " and ".join(_charge(line.quantity, line.amount) for line in lines if line.product == product)
            or "no line",
        )
        for product in dict.fromkeys([*LINES, *(line.product for line in lines)])
    ]
    return [*usage, *on_invoice, Figure("The invoice's total", dollars(TOTAL), dollars(total))]


def _charge(quantity: int, amount: int) -> str:
    return f"{quantity:,} for {dollars(amount)}"


def dollars(cents: int) -> str:
    """An amount as people write it."""
    return f"${cents / 100:,.2f}"
