"""`python -m tests.bench [--json PATH] [--docs]`: measure, print the table, exit 1 if a bound is not kept."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from infra.local import aws
from infra.local.places import Home
from tests.bench import (
    client,
    cold_starts,
    idle,
    months,
    quota,
    records,
    renewals,
    report,
    reporter,
    scale,
    tracker,
    webhook,
)
from tests.bench.deployment import deploy
from tests.bench.figures import Figure


def main() -> int:
    """Measure everything there is."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file, as one flat object")
    parser.add_argument("--docs", action="store_true", help="also write docs/bench.md")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    console = Console()
    with tempfile.TemporaryDirectory() as folder, console.status("Starting") as status:
        home = Home(Path(folder))
        endpoint = aws.start(home)
        try:
            figures = _measured(home, endpoint, status.update)
        finally:
            aws.stop(home)
    console.print(report.table(figures))
    if arguments.json:
        arguments.json.write_text(
            json.dumps({each.key: round(each.value, 4) for each in figures}, indent=2) + "\n"
        )
    if arguments.docs:
        report.write_page(figures, report.now(), load)
        scale.write_page()
    return int(not all(each.kept for each in figures))


def _measured(home: Home, endpoint: str, tell: Callable[[str], object]) -> list[Figure]:
    deploy(endpoint)
    figures = idle.figures()
    tell("Counting records")
    figures += records.figures(endpoint)
    figures += months.figures()
    tell("Counting full batches on a virtual clock")
    figures += tracker.figures()
    tell("Following ten thousand renewals on a virtual clock")
    figures += renewals.figures()
    tell("Charging periods, ten thousand of them on a virtual clock")
    figures += reporter.figures()
    tell("Serving a host's requests")
    figures += client.figures()
    tell("Checking and consuming")
    figures += quota.figures()
    tell("Acknowledging webhooks")
    figures += webhook.figures()
    figures += cold_starts.figures(home, tell)
    return figures


if __name__ == "__main__":
    sys.exit(main())
