"""`python -m infra.operate.adopt --by metadata:KEY | --csv FILE [--stack NAME] [--apply] [--live]`.

Says which customers of Stripe would be linked to which users and what stands in the way, and with `--apply`
links them. What it did is no longer to be done, so it is run again after whatever stopped it.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from infra.operate.adopt.adoption import Adoption
from infra.operate.adopt.planning import Fate, Step
from infra.operate.adopt.showing import show_table, write_csv
from infra.operate.adopt.stack import of_stack
from infra.operate.adopt.whose import UnreadableError, Whose, by_file, by_metadata
from infra.operate.deployed import DEFAULT_STACK, UnfitError
from tollkeeper.catalogue import CatalogueError, load
from tollkeeper.ledger.table import UnavailableError
from tollkeeper.settings import SettingsError
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError

METADATA = "metadata:"
WIDTH = 160
"""Of a line that is printed where there is no terminal, in characters."""


def main(arguments: Sequence[str]) -> int:
    """Run the command line.

    Returns:
        The exit code: 0 when nothing stands in the way, also when there was nothing to do; 1 when something
        does, or failed; 2 when something has to be set or added first.
    """
    parser = argparse.ArgumentParser(
        prog="python -m infra.operate.adopt",
        description="Link the customers that are in Stripe to the users they belong to.",
    )
    named = parser.add_mutually_exclusive_group(required=True)
    named.add_argument("--by", metavar="metadata:KEY", help="the key of metadata that holds the userId")
    named.add_argument("--csv", type=Path, metavar="FILE", help="a file with the columns customer and userId")
    parser.add_argument("--stack", default=DEFAULT_STACK, help="the deployed stack")
    parser.add_argument("--apply", action="store_true", help="do it, once the plan is shown")
    parser.add_argument(
        "--live", action="store_true", help="needed with a live key: these are real customers"
    )
    parser.add_argument("--format", choices=["table", "csv"], default="table", help="of the plan")
    parser.add_argument(
        "--product",
        action="append",
        default=[],
        metavar="ID=PLAN",
        help="a product of yours, and the plan that it is sold as: those who have it are moved to that plan",
    )
    options = parser.parse_args(arguments)
    try:
        whose = _whose(options.by, options.csv)
        products = _products(options.product)
        adoption = replace(of_stack(options.stack, live=options.live), products=products)
    except (UnreadableError, UnfitError, SettingsError, CatalogueError) as error:
        print(error, file=sys.stderr)
        return 2
    return run(adoption, whose, applies=options.apply, as_csv=options.format == "csv")


def run(adoption: Adoption, whose: Whose, *, applies: bool, as_csv: bool = False) -> int:
    """Show what there is to do, and do it if that is wanted; the exit code is that of the command line."""
    told = Console(stderr=as_csv, highlight=False, markup=False, emoji=False)
    if not told.is_terminal:
        told.width = WIDTH
    try:
        steps = _plan(adoption, whose, told)
        if as_csv:
            write_csv(steps, sys.stdout)
        else:
            show_table(steps, told)
        failed = _apply(adoption, steps, told) if applies else 0
    except (StripeUnavailableError, UnavailableError) as error:
        print(f"No answer: {error}\nRun it again: it goes on where it stopped.", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS: {error}", file=sys.stderr)
        return 1
    except StripeRefusedError as error:
        print(f"Stripe: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. Run it again: it goes on from here.", file=sys.stderr)
        return 1
    return int(failed > 0 or any(step.obstacles for step in steps))


def _whose(by: str | None, file: Path | None) -> Whose:
    if file:
        return by_file(file)
    key = (by or "").removeprefix(METADATA)
    if not key or key == by:
        raise UnreadableError(f"--by is {by!r}: write {METADATA} and the key, such as {METADATA}user_id.")
    return by_metadata(key)


def _products(said: Sequence[str]) -> dict[str, str]:
    paid = [plan.name for plan in load().paid_plans]
    products = dict(each.rpartition("=")[::2] for each in said)
    for product, plan in products.items():
        if not product or plan not in paid:
            raise UnreadableError(
                f"--product is {product}={plan}: write the product's id and a plan of {', '.join(paid)}."
            )
    return products


def _plan(adoption: Adoption, whose: Whose, told: Console) -> list[Step]:
    with _progress(told) as progress:
        task = progress.add_task("Reading Stripe", total=None)
        customers = list(progress.track(adoption.account.customers(), task_id=task))
        return adoption.plan(customers, whose)


def _apply(adoption: Adoption, steps: Sequence[Step], told: Console) -> int:
    """Take the steps that are to be taken, tell of those that fail, and return how many did."""
    chosen = [step for step in steps if step.fate is Fate.ADOPT]
    adopted = failed = 0
    try:
        with _progress(told, BarColumn()) as progress:
            task = progress.add_task("Adopting", total=len(chosen))
            for result in adoption.apply(chosen):
                progress.advance(task)
                if result.failure is None:
                    adopted += 1
                else:
                    failed += 1
                    progress.console.print(
                        f"! {result.step.customer.id} ({result.step.user_id}): {result.failure}"
                    )
    finally:
        told.print(f"{adopted} adopted, {len(chosen) - adopted} to go on with")
    return failed


def _progress(told: Console, *bar: BarColumn) -> Progress:
    columns = [SpinnerColumn(), TextColumn("{task.description}"), *bar, MofNCompleteColumn()]
    return Progress(*columns, console=told, transient=True, disable=not told.is_terminal)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
