"""`tollkeeper prove USER PERIOD`: derive a period anew from its records alone.

PERIOD is when it starts, such as 2025-11-03T09:30:15Z (`currentPeriodStart`). Per metric it shows what the
records come to, with the arithmetic, beside the closed row, the charge and the invoice's line.
"""

from collections.abc import Iterator
from datetime import datetime

import click
from rich.console import Console
from rich.table import Table

from infra.operate import options
from infra.operate.answers import Answer, Cell, Format, give
from infra.operate.exits import Exit, UnfitError
from infra.operate.stacks import Deployed, Stack, deployed
from tollkeeper.catalogue import UNLIMITED
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.history import History
from tollkeeper.periods.proving import Proving
from tollkeeper.rules.money import money
from tollkeeper.rules.proofs import Proof, Proved
from tollkeeper.rules.times import iso

COLUMNS = (
    *("subscription", "start", "end", "plan", "metric", "records", "total", "row"),
    *("overage", "due", "dueCents", "chargeCents", "lineCents"),
)


@click.command()
@options.stack
@options.form
@click.argument("user")
@click.argument("period", callback=options.instant)
def prove(stack_name: str, user: str, period: datetime, form: Format) -> Exit:
    """Derive USER's PERIOD from its records, beside what was billed. PERIOD is its currentPeriodStart."""
    return give(proved(deployed(Stack.find(stack_name)), user, period), form)


def proved(stack: Deployed, user_id: str, start: datetime) -> Answer:
    """Prove each of a user's periods that starts at an instant, and return the proofs.

    Raises:
        UnfitError: there is no such period.
        StripeUnavailableError, UnavailableError: nobody answered; it changes nothing, and can be run again.
    """
    proving = Proving(Closing(stack.table), History(stack.table), stack.stripe, stack.settings.deployment)
    names = proving.names(user_id, start)
    found = [each for each in (proving.prove(user_id, name, stack.clock.now()) for name in names) if each]
    if not found:
        raise UnfitError(f"{user_id} has no period that starts at {iso(start)}")

    def text(console: Console) -> None:
        for each in found:
            show(each, console, stack.catalogue.currency)

    differences = "\n".join(sentence for each in found for sentence in each.differences)
    return Answer(
        name="metrics",
        columns=COLUMNS,
        rows=[row for each in found for row in rows(each)],
        text=text,
        sums={"userId": user_id, "differences": differences or None},
        is_well=not differences,
    )


def rows(proof: Proof) -> Iterator[tuple[Cell, ...]]:
    """Return a proof as cells, a row for each metric."""
    period = proof.period
    end = iso(period.end) if period.end else None
    for each in proof.metrics:
        yield (
            *(period.subscription_id, iso(period.start), end, period.terms.plan, each.metric),
            *(each.sums.records, each.sums.total, each.row),
            each.over.quantity if each.over else None,
            each.due.quantity if each.due else None,
            str(each.due.amount) if each.due else None,
            str(each.charge.amount) if each.charge else None,
            str(sum(line.amount for line in each.lines)) if each.lines else None,
        )


def show(proof: Proof, console: Console, currency: str) -> None:
    """Print a proof: the period, its terms, a line for each metric, and what differs."""
    period, bill = proof.period, proof.bill
    end = iso(period.end) if period.end else "…"
    state = "void" if period.is_void else f"closed {iso(period.closed_at)}" if period.closed_at else "open"
    console.print(f"{iso(period.start)} to {end}, {period.subscription_id or 'calendar'}, {state}")
    cap = "none" if period.spending_cap is None else money(period.spending_cap, currency)
    billed = "billed" if period.terms.billed else "not billed"
    console.print(f"plan {period.terms.plan}, overage {billed}, spending cap {cap}")
    if bill:
        console.print(f"bill {bill.state}, invoice {bill.invoice_id or 'none'}")
    table = Table("metric", "the records come to", "row", "overage", "billed", "charge", "invoice")
    for each in proof.metrics:
        table.add_row(*_cells(each, proof, currency))
    console.print(table)
    for difference in proof.differences:
        console.print(f"! {difference}")
    if not proof.differences:
        console.print("Records, row, charges and lines are one number.")


def _cells(of: Proved, proof: Proof, currency: str) -> list[str]:
    sums, price = of.sums, proof.period.terms.prices.get(of.metric)
    records = f"{sums.records} records: {sums.used}"
    records += f" − {-sums.corrected} corrected" if sums.corrected else ""
    records += f" − {sums.released} released" if sums.released else ""
    records += f" = {sums.total}"
    records += f" ({sums.shown} more only shown)" if sums.shown else ""
    over = billed = ""
    if of.over and of.due and price is not None:
        limit = "unlimited" if of.limit == UNLIMITED else str(of.limit)
        incurred = f"{of.incurred} + " if of.incurred else ""
        rest = f"({sums.total} − {of.incurred} − {limit})" if of.incurred else f"{sums.total} − {limit}"
        over = f"{incurred}{rest}, at least {of.incurred} = {of.over.quantity}"
        capped = of.over.quantity - of.due.quantity
        billed = f"{of.due.quantity} × {money(price, currency)} = {money(of.due.amount, currency)}"
        billed += f" ({capped} beyond the cap)" if capped else ""
    charge = f"{of.charge.quantity} for {money(of.charge.amount, currency)}" if of.charge else ""
    lines = " and ".join(f"{each.quantity} for {money(each.amount, currency)}" for each in of.lines)
    return [of.metric, records, str(of.row), over, billed, charge, lines]
