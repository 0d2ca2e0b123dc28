"""A plan for people, who see the beginning and the sums, or as rows, which hold every customer."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from infra.operate.adopt.planning import Fate, Step
from tollkeeper.catalogue import FREE

FIRST = 20
"""Customers of each fate whom the table shows."""

SHOWN = (Fate.REFUSED, Fate.ADOPT)
"""What the table shows, in its order; of the others the sums are enough."""

COLUMNS = ("customer", "userId", "subscriptions", "plan", "fate", "what")


def show_table(steps: Sequence[Step], console: Console) -> None:
    """Print what stands in the way, what is to be done, and the sums."""
    for fate in SHOWN:
        chosen = _rare_first([step for step in steps if step.fate is fate])
        if not chosen:
            continue
        table = Table(
            "customer", "userId", "plan", "what", title=f"{len(chosen)} {fate}", title_justify="left"
        )
        for step in chosen[:FIRST]:
            table.add_row(step.customer.id, step.user_id or "", _plans(step), _what(step))
        console.print(table)
        if len(chosen) > FIRST:
            console.print(f"… and {len(chosen) - FIRST} more: --format csv (FORMAT=csv) shows all.")
    show_sums(steps, console)


def show_sums(steps: Sequence[Step], console: Console) -> None:
    """Print how many customers there are of each fate, and how many obstacles of each kind."""
    fates = Counter(step.fate for step in steps)
    console.print(
        f"{len(steps)} customers: " + ", ".join(f"{fates[fate]} {fate}" for fate in Fate if fates[fate])
    )
    hurdles = Counter(each.hurdle for step in steps for each in step.obstacles)
    for hurdle, number in hurdles.most_common():
        console.print(f"  ! {number} {hurdle}")


def rows(steps: Sequence[Step]) -> Iterator[tuple[str, ...]]:
    """Return every customer as a row."""
    for step in steps:
        ids = " ".join(each.said.id for each in step.customer.subscriptions)
        yield step.customer.id, step.user_id or "", ids, _plans(step), step.fate, _what(step)


def _rare_first(steps: Sequence[Step]) -> list[Step]:
    """Sort steps by how many share their first obstacle, so that many of one kind hide no other."""
    kinds = Counter(step.obstacles[0].hurdle for step in steps if step.obstacles)
    return sorted(steps, key=lambda step: kinds[step.obstacles[0].hurdle] if step.obstacles else 0)


def _plans(step: Step) -> str:
    sold = (each.said.plan for each in step.customer.subscriptions)
    return " ".join("none" if plan == FREE else plan for plan in sold)


def _what(step: Step) -> str:
    said = [each.sentence for each in step.obstacles] or [str(task) for task in step.tasks]
    return (" " if step.obstacles else ", ").join(said)
