"""The figures as people read them: a table for a terminal of 80 columns, and docs/bench.md."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from infra.local.places import ROOT
from tests.bench.figures import Figure

PAGE = ROOT / "docs" / "bench.md"
TERMINAL = 80

INTRODUCTION = """\
# Figures

Written by `make bench DOCS=1` on {day}, on {machine};
when it began, {load:.1f} processors were kept busy by others.{busy}

Requests, capacity units and bytes are counted from the requests themselves, by AWS's published rules;
dollars are those counts at [list prices](../tests/bench/prices.py) of us-east-1, without the free tier. A
ratio of times is taken in one run, so that it holds on other machines; where others are at work it is noisy
by a tenth or two. What says *assumed* is computed on a virtual clock from latencies that nobody has measured
in an account ([virtual.py](../tests/bench/virtual.py)). What that comes to at scale is in
[scale.md](scale.md).

## All of them

| figure | what it is | measured | at most |
|---|---|--:|--:|
"""


BUSY = """
That is too busy for times that are no ratios (`tracker_batch_seconds`, `client_cpu_ms_…`): those are smaller
by a third or more on a machine that does nothing else."""
MOST_LOAD = 2.0


def table(figures: Sequence[Figure]) -> Table:
    """Return a table of them that fits a terminal: each figure's meaning stands below its name."""
    shown = Table(
        "figure",
        Column("measured", justify="right"),
        Column("at most", justify="right"),
        "",
        box=SIMPLE_HEAD,
        width=TERMINAL,
    )
    for each in figures:
        mark = "" if each.most is None else "[green]✓[/]" if each.kept else "[red]✗[/]"
        shown.add_row(f"[bold]{each.key}[/]\n{each.meaning}", _measured(each), _bound(each), mark)
    return shown


def write_page(figures: Sequence[Figure], day: datetime, load: float) -> None:
    """Write docs/bench.md; `load` is how many processors others kept busy when it began."""
    busy = BUSY if load > MOST_LOAD else ""
    head = INTRODUCTION.format(day=f"{day:%-d %B %Y}", machine=machine(), load=load, busy=busy)
    rows = [f"| `{each.key}` | {each.meaning} | {_measured(each)} | {_bound(each)} |" for each in figures]
    PAGE.write_text(head + "\n".join(rows) + "\n")


def machine() -> str:
    """Return what this is measured on."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor() or platform.machine()
    return f"{os.cpu_count()} × {model}, {platform.system()}, Python {platform.python_version()}"


def now() -> datetime:
    """Return when it is measured."""
    return datetime.now(UTC)


def _measured(figure: Figure) -> str:
    """Return three digits of a figure, or all of those before the point."""
    value = figure.value
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _bound(figure: Figure) -> str:
    return "" if figure.most is None else f"{figure.most:g}"
