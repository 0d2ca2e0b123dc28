"""Does the demo notice? Breaks the product in six places, one at a time, and expects `make demo` to object.

`python -m infra.local.sabotage` works on a copy of the tree and never touches the tree itself.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.local.console import console, step
from infra.local.places import ROOT

ENVIRONMENTS = (".tools", ".venv", ".venv-sam")
LEFT_OUT = shutil.ignore_patterns(".git", ".local", ".aws-sam", "*_cache", "__pycache__", *ENVIRONMENTS)


@dataclass(frozen=True)
class Sabotage:
    """An edit that bills wrongly, and the figure that the demo must find off."""

    what: str
    file: str
    right: str
    wrong: str
    figure: str


CALLS = "API calls over the limit on the invoice is off: expected 5,000 for $50.00, found "
CAPPED = (
    "API calls over the limit on the careful customer's invoice is off: expected 1,000 for $10.00, found "
)

SABOTAGES = (
    Sabotage(
        what="The tracker counts twice",
        file="shared/tollkeeper/ledger/transactions.py",
        right="+= each.record.quantity\n",
        wrong="+= 2 * each.record.quantity\n",
        figure=f"{CALLS}20,000 for $200.00",
    ),
    Sabotage(
        what="Usage is charged instead of overage",
        file="shared/tollkeeper/rules/charges.py",
        right="quantity=due.quantity,",
        wrong="quantity=period.used[metric],",
        figure=f"{CALLS}15,000 for $150.00",
    ),
    Sabotage(
        what="The catalogue has one wrong price",
        file="shared/tollkeeper/catalogue/catalogue.toml",
        right="overage_price = 0.50",
        wrong="overage_price = 0.05",
        figure="Exports over the limit on the invoice is off: expected 100 for $50.00, found 100 for $5.00",
    ),
    Sabotage(
        what="Each line is made twice",
        file="shared/tollkeeper/periods/charging.py",
        right="for each in bill.left]",
        wrong="for each in bill.left * 2]",
        figure=f"{CALLS}5,000 for $50.00 and 5,000 for $50.00",
    ),
    Sabotage(
        what="The spending cap is ignored",
        file="shared/tollkeeper/rules/overage.py",
        right="left = period.spending_cap\n",
        wrong="left = None\n",
        figure=f"{CAPPED}2,000 for $20.00",
    ),
    Sabotage(
        what="The period is closed early",
        file="shared/tollkeeper/rules/settling.py",
        right="SETTLING = timedelta(minutes=5)",
        wrong="SETTLING = timedelta(hours=-1)",
        figure=f"{CALLS}4,000 for $40.00",
    ),
)


def main() -> int:
    """Commit each sabotage in turn. Exit code 0 if the demo noticed them all."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        for name in ENVIRONMENTS:
            (tree / name).symlink_to(ROOT / name)
        noticed = [_is_noticed(sabotage, tree) for sabotage in SABOTAGES]
    return 0 if all(noticed) else 1


def _is_noticed(sabotage: Sabotage, tree: Path) -> bool:
    with step(sabotage.what) as work:
        result = _demo_with(sabotage, tree)
        work.failed = result.returncode == 0 or sabotage.figure not in result.stdout
        work.outcome = "the demo does not notice" if work.failed else sabotage.figure
    if work.failed:
        console.print(result.stdout, markup=False)
    return not work.failed


def _demo_with(sabotage: Sabotage, tree: Path) -> subprocess.CompletedProcess[str]:
    file = tree / sabotage.file
    honest = file.read_text()
    if honest.count(sabotage.right) != 1:
        sys.exit(f"{sabotage.file} no longer holds {sabotage.right!r} once: say where it is now.")
    file.write_text(honest.replace(sabotage.right, sabotage.wrong))
    try:
        return subprocess.run(
            ["make", "demo"],  # noqa: S607 - whichever make runs this one
            env={name: value for name, value in os.environ.items() if name != "TOLLKEEPER_LOCAL"},
            cwd=tree,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    finally:
        file.write_text(honest)


if __name__ == "__main__":
    sys.exit(main())
