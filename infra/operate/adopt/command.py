"""`tollkeeper adopt`: link Stripe's customers to the users they belong to.

Says which customers of Stripe would be linked to which users and what stands in the way, and with `--apply`
links them. What it did is no longer to be done, so it is run again after whatever stopped it.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from infra.operate import options
from infra.operate.adopt.adoption import Adoption
from infra.operate.adopt.planning import Fate, Step
from infra.operate.adopt.showing import COLUMNS, rows, show_table
from infra.operate.adopt.stack import adoption_of
from infra.operate.adopt.whose import UnreadableError, Whose, by_file, by_metadata
from infra.operate.answers import Answer, Format, console, give, progress
from infra.operate.exits import Exit
from infra.operate.stacks import Stack, deployed
from tollkeeper.catalogue import load

METADATA = "metadata:"


@click.command()
@click.option("--by", metavar="metadata:KEY", help="The key of metadata that holds the userId.")
@click.option(
    "--csv", "file", type=click.Path(path_type=Path), help="A file with the columns customer and userId."
)
@click.option("--apply", "applies", is_flag=True, help="Do it, once the plan is shown.")
@click.option(
    "--product",
    "sold",
    multiple=True,
    metavar="ID=PLAN",
    help="A product of yours, and the plan that it is sold as: those who have it are moved to that plan.",
)
@options.stack
@options.prod
@options.form
def adopt(
    *,
    by: str | None,
    file: Path | None,
    applies: bool,
    sold: Sequence[str],
    stack_name: str,
    prod: bool,
    form: Format,
) -> Exit:
    """Link the customers that are in Stripe to the users they belong to."""
    whose, products = named_by(by, file), sold_as(sold)
    stack = Stack.find(stack_name)
    inside = deployed(stack)
    if applies:
        stack.require_said(prod=prod, live=inside.is_live)
    return run(replace(adoption_of(inside), products=products), whose, form, applies=applies)


def run(adoption: Adoption, whose: Whose, form: Format, *, applies: bool) -> Exit:
    """Show what there is to do, and do it if that is wanted."""
    with progress(bar=False) as shown:
        task = shown.add_task("Reading Stripe", total=None)
        customers = list(shown.track(adoption.account.customers(), task_id=task))
        steps = adoption.plan(customers, whose)
    planned = Answer(
        name="customers",
        columns=COLUMNS,
        rows=[*rows(steps)],
        text=lambda at: show_table(steps, at),
        is_well=not any(step.obstacles for step in steps),
    )
    code = give(planned, form)
    failed = _apply(adoption, steps, console(stderr=form is not Format.TEXT)) if applies else 0
    return Exit.LOOK if failed else code


def named_by(by: str | None, file: Path | None) -> Whose:
    """Return what says whose customers are.

    Raises:
        UnreadableError: it is not said, said twice, or cannot be read.
    """
    if (by is None) == (file is None):
        raise UnreadableError("Say whose the customers are: --by metadata:KEY (BY=…), or --csv FILE (CSV=…).")
    if file:
        return by_file(file)
    key = (by or "").removeprefix(METADATA)
    if not key or key == by:
        raise UnreadableError(f"--by is {by!r}: write {METADATA} and the key, such as {METADATA}user_id.")
    return by_metadata(key)


def sold_as(said: Sequence[str]) -> dict[str, str]:
    """Return which products are sold as which plans.

    Raises:
        UnreadableError: one is none, or its plan is not sold.
    """
    paid = [plan.name for plan in load().paid_plans]
    products = dict(each.rpartition("=")[::2] for each in said)
    for product, plan in products.items():
        if not product or plan not in paid:
            raise UnreadableError(
                f"--product is {product}={plan}: write the product's id and a plan of {', '.join(paid)}."
            )
    return products


def _apply(adoption: Adoption, steps: Sequence[Step], told: Console) -> int:
    """Take the steps that are to be taken, tell of those that fail, and return how many did."""
    chosen = [step for step in steps if step.fate is Fate.ADOPT]
    adopted = failed = 0
    try:
        with progress() as shown:
            task = shown.add_task("Adopting", total=len(chosen))
            for result in adoption.apply(chosen):
                shown.advance(task)
                if result.failure is None:
                    adopted += 1
                else:
                    failed += 1
                    told.print(f"! {result.step.customer.id} ({result.step.user_id}): {result.failure}")
    finally:
        told.print(f"{adopted} adopted, {len(chosen) - adopted} to go on with")
    return failed
