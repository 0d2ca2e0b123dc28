"""`tollkeeper reconcile`: compare now what is compared daily, and more.

Of every period that closed lately it says what does not agree and what people decided; then what Stripe sells
otherwise than the catalogue, and which drafts or coupons would change overage. What it finds is audited and
announced as the daily run's is, once.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import click
from rich.console import Console
from rich.table import Table

from infra.operate import options
from infra.operate.answers import Answer, Cell, Format, give, progress
from infra.operate.exits import Exit
from infra.operate.reconcile.account import catalogue_changes
from infra.operate.stacks import Deployed, Stack, deployed
from tollkeeper.ledger.patience import Patience
from tollkeeper.periods.reconciler import Compared, Reconciler

ENOUGH_SECONDS = 86_400.0
"""Nobody hurries the command."""

COLUMNS = ("kind", "user", "period", "what", "metric", "expected", "found")


@dataclass
class Findings:
    """What the run was told of, and what else would change what is billed."""

    drifting: list[Compared] = field(default_factory=list)
    decided: list[Compared] = field(default_factory=list)
    catalogue: list[str] = field(default_factory=list)
    unusual: list[str] = field(default_factory=list)

    def add(self, compared: Compared) -> None:
        """Keep what there is to show of a period."""
        if compared.drifts:
            self.drifting.append(compared)
        if compared.decisions:
            self.decided.append(compared)

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """Return what was found, as cells."""
        for each in self.drifting:
            for drift in each.drifts:
                yield ("drift", *_named(each), drift.kind, drift.metric, drift.expected, drift.found)
        for each in self.decided:
            for decision in each.decisions:
                yield ("decision", *_named(each), decision, None, None, None)
        for name, sentences in (("catalogue", self.catalogue), ("unusual", self.unusual)):
            for sentence in sentences:
                yield (name, None, None, sentence, None, None, None)


@click.command()
@options.stack
@options.form
def reconcile(stack_name: str, form: Format) -> Exit:
    """See that closed periods, their charges and the lines of final invoices are one number."""
    return give(compared(deployed(Stack.find(stack_name))), form)


def compared(stack: Deployed) -> Answer:
    """Compare all that closed lately, and return what was found.

    Raises:
        StripeUnavailableError, UnavailableError: nobody answered; it changes nothing, and can be run again.
    """
    reconciler = Reconciler(
        stack.table, stack.stripe, stack.catalogue, stack.settings.deployment, stack.clock
    )
    findings, report = _compare(reconciler)
    findings.catalogue += catalogue_changes(stack.client, stack.catalogue, stack.clock.now())
    findings.unusual += reconciler.unusual()
    left = report["failed"] + report["postponed"] + report["silences"]

    def text(console: Console) -> None:
        _show(findings, console)
        console.print(
            f"{report['periods']} closed periods: {report['agreed']} agree, {report['open']} are on their "
            f"way to an invoice, {report['drift']} drift, {left} could not be compared"
        )

    sums = {name: report[name] for name in ("periods", "agreed", "open", "drift")} | {"notCompared": left}
    is_well = not (report["drift"] or left or findings.catalogue or findings.unusual)
    return Answer("findings", COLUMNS, [*findings.rows()], text, sums, is_well)


def _compare(reconciler: Reconciler) -> tuple[Findings, Counter[str]]:
    findings = Findings()
    with progress() as shown:
        task = shown.add_task("Comparing closed periods", total=reconciler.waiting())

        def told(compared: Compared) -> None:
            findings.add(compared)
            shown.advance(task)

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
    for sentence in findings.catalogue:
        console.print(f"! Stripe does not hold the catalogue as applied: {sentence}")
    for sentence in findings.unusual:
        console.print(f"! {sentence}")


def _named(of: Compared) -> tuple[str, str]:
    end = f"{of.period.end:%Y-%m-%d}" if of.period.end else "…"
    return of.user_id, f"{of.period.start:%Y-%m-%d} to {end}"
