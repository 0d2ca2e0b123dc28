"""Steps on the terminal: a spinner or a bar while one runs, its outcome and seconds when it is done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn

console = Console(highlight=False, soft_wrap=True)


@dataclass
class Step:
    """A piece of work under way. Say in `outcome` in a few words what came of it."""

    progress: Progress
    task: TaskID
    outcome: str = ""
    failed: bool = False

    def reached(self, count: int) -> None:
        """Move the bar to `count` of the step's total."""
        self.progress.update(self.task, completed=count)


@contextmanager
def step(title: str, total: int | None = None) -> Iterator[Step]:
    """Show a piece of work as it runs, as a bar if its total is known, and then what came of it."""
    bar = [] if total is None else [BarColumn(), MofNCompleteColumn()]
    columns = [SpinnerColumn(), TextColumn("{task.description}"), *bar]
    began = time.monotonic()
    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            work = Step(progress, progress.add_task(title, total=total))
            yield work
    except BaseException:
        console.print(f"[red]✗[/] {title}")
        raise
    outcome = f": {work.outcome}" if work.outcome else ""
    mark = "[red]✗[/]" if work.failed else "[green]✓[/]"
    console.print(f"{mark} {title}{outcome} [dim]({time.monotonic() - began:.1f} s)[/]")
