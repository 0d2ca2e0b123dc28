"""`python -m infra.operate.reconcile [--stack NAME]`: compare now what is compared daily, and more.

Of every period that closed lately it says what does not agree and what people decided; then what Stripe sells
otherwise than the catalogue, and which drafts or coupons would change overage. What it finds is audited and
announced as the daily run's is, once.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from stripe import StripeError

from infra.operate.deployed import DEFAULT_STACK, Deployed, UnfitError, deployed
from infra.operate.reconcile.account import catalogue_changes
from tollkeeper.catalogue import CatalogueError
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.table import UnavailableError
from tollkeeper.periods.reconciler import Compared, Reconciler
from tollkeeper.settings import SettingsError
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError

WIDTH = 160
"""Of a line that is printed where there is no terminal, in characters."""

ENOUGH_SECONDS = 86_400.0
"""Nobody hurries the command."""


@dataclass
class Findings:
    """What the run was told of."""

    drifting: list[Compared] = field(default_factory=list)
    decided: list[Compared] = field(default_factory=list)

    def add(self, compared: Compared) -> None:
        """Keep what there is to show of a period."""
        if compared.drifts:
            self.drifting.append(compared)
        if compared.decisions:
            self.decided.append(compared)


def main(arguments: Sequence[str]) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 when all agrees; 1 when something does not, or could not be compared; 2 when
        something has to be set first.
    """
    parser = argparse.ArgumentParser(
        prog="python -m infra.operate.reconcile",
        description="See that closed periods, their charges and the lines of final invoices are one number.",
    )
    parser.add_argument("--stack", default=DEFAULT_STACK, help="the deployed stack")
    options = parser.parse_args(arguments)
    try:
        stack = deployed(options.stack, live=True)  # it changes nothing at Stripe
    except (UnfitError, SettingsError, CatalogueError) as error:
        print(error, file=sys.stderr)
        return 2
    return run(stack)


def run(stack: Deployed) -> int:
    """Compare, show what was found, and return the command line's exit code."""
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH
    try:
        reconciler = Reconciler(
            stack.table, stack.stripe, stack.catalogue, stack.settings.deployment, stack.clock
        )
        findings, report = _compare(reconciler, console)
        _show(findings, console)
        others = _others(stack, reconciler, console)
    except (StripeUnavailableError, UnavailableError) as error:
        print(f"No answer: {error}\nRun it again: it changes nothing.", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS: {error}", file=sys.stderr)
        return 1
    except (StripeError, StripeRefusedError) as error:
        print(f"Stripe: {error}", file=sys.stderr)
        return 1
    left = report["failed"] + report["postponed"] + report["silences"]
    console.print(
        f"{report['periods']} closed periods: {report['agreed']} agree, {report['open']} are on their way to "
        f"an invoice, {report['drift']} drift, {left} could not be compared"
    )
    return int(bool(report["drift"] or left or others))


def _compare(reconciler: Reconciler, console: Console) -> tuple[Findings, Counter[str]]:
    findings = Findings()
    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Comparing closed periods", total=reconciler.waiting())

        def told(compared: Compared) -> None:
            findings.add(compared)
            progress.advance(task)

        return findings, reconciler.run(Patience(lambda: ENOUGH_SECONDS), told)


def _show(findings: Findings, console: Console) -> None:
    if findings.drifting:
        table = Table("user", "period", "what", "metric", "expected", "found", title="Drift")
        for each in findings.drifting:
            for drift in each.drifts:
                table.add_row(*_named(each), drift.kind, drift.metric or "", drift.expected, drift.found)
        console.print(table)
    if findings.decided:
        table = Table("user", "period", "what people decided", title="Decisions")
        for each in findings.decided:
            table.add_row(*_named(each), ", ".join(each.decisions))
        console.print(table)


def _others(stack: Deployed, reconciler: Reconciler, console: Console) -> int:
    """Say what else would change what is billed; return how much of it there is."""
    changes = catalogue_changes(stack.client, stack.catalogue, stack.clock.now())
    for each in changes:
        console.print(f"! Stripe does not hold the catalogue as applied: {each}")
    found = reconciler.unusual()
    for each in found:
        console.print(f"! {each}")
    return len(changes) + len(found)


def _named(of: Compared) -> tuple[str, str]:
    end = f"{of.period.end:%Y-%m-%d}" if of.period.end else "…"
    return of.user_id, f"{of.period.start:%Y-%m-%d} to {end}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
