"""`python -m infra.operate.prove USER PERIOD [--stack NAME]`: derive a period anew from its records alone.

PERIOD is when it starts, such as 2025-11-03T09:30:15Z (`currentPeriodStart`). Per metric it shows what the
records come to, with the arithmetic, beside the closed row, the charge and the invoice's line.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from infra.operate.deployed import DEFAULT_STACK, Deployed, UnfitError, deployed
from tollkeeper.catalogue import UNLIMITED, CatalogueError
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.history import History
from tollkeeper.ledger.table import UnavailableError
from tollkeeper.periods.proving import Proving
from tollkeeper.rules.money import money
from tollkeeper.rules.proofs import Proof, Proved
from tollkeeper.rules.times import iso, parse_iso
from tollkeeper.settings import SettingsError
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError

WIDTH = 180
"""Of a line that is printed where there is no terminal, in characters."""


def main(arguments: Sequence[str]) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 when all is one number; 1 when something differs, or there was no answer; 2 when
        there is no such period, or something has to be set first.
    """
    parser = argparse.ArgumentParser(
        prog="python -m infra.operate.prove",
        description="Derive a period from its records, beside what was billed.",
    )
    parser.add_argument("user", help="the userId")
    parser.add_argument("period", help="when the period starts, such as 2025-11-03T09:30:15Z")
    parser.add_argument("--stack", default=DEFAULT_STACK, help="the deployed stack")
    options = parser.parse_args(arguments)
    try:
        start = parse_iso(options.period)
    except ValueError:
        print(f"{options.period} is no instant such as 2025-11-03T09:30:15Z", file=sys.stderr)
        return 2
    try:
        stack = deployed(options.stack, live=True)  # it changes nothing
    except (UnfitError, SettingsError, CatalogueError) as error:
        print(error, file=sys.stderr)
        return 2
    return run(stack, options.user, start)


def run(stack: Deployed, user_id: str, start: datetime) -> int:
    """Prove each of a user's periods that starts at an instant, and return the command line's exit code."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH
    proving = Proving(Closing(stack.table), History(stack.table), stack.stripe, stack.settings.deployment)
    try:
        names = proving.names(user_id, start)
        proofs = [proving.prove(user_id, name, stack.clock.now()) for name in names]
    except (StripeUnavailableError, UnavailableError) as error:
        print(f"No answer: {error}\nRun it again: it changes nothing.", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError, StripeRefusedError) as error:
        print(error, file=sys.stderr)
        return 1
    found = [each for each in proofs if each]
    for each in found:
        show(each, console, stack.catalogue.currency)
    if not found:
        print(f"{user_id} has no period that starts at {iso(start)}", file=sys.stderr)
        return 2
    return int(any(each.differences for each in found))


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
