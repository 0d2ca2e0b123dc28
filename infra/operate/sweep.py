"""`tollkeeper sweep`: put right now what webhooks missed.

Runs the deployed sweep itself, as its schedule does, so it needs no secret but the right to call it.
"""

import json
from collections import Counter

import boto3
import click
from botocore.config import Config
from rich.console import Console

from infra.operate import options
from infra.operate.answers import Answer, Format, give
from infra.operate.exits import Exit, FailedError
from infra.operate.stacks import Stack

MOST_DAYS = 30
MOST_RUNS = 20
"""So often a sweep is gone on with here; what is then left, its schedule does."""
# The function may run for its whole timeout; boto3 would give up after a minute, and call again.
PATIENT = Config(read_timeout=910, retries={"total_max_attempts": 1})
LATER = "Its schedule goes on within the hour from where it stopped."


@click.command()
@options.stack
@options.prod
@options.form
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=3, show_default=True, help="How far it looks back."
)
def sweep(stack_name: str, days: int, form: Format, *, prod: bool) -> Exit:
    """Put right now what webhooks missed, instead of once a day."""
    stack = Stack.find(stack_name)
    stack.require_said(prod=prod)
    return give(swept(stack.physical_id("Sweep"), days), form)


def swept(function: str, days: int) -> Answer:
    """Run the deployed sweep until it is at its end, and return what it did.

    Raises:
        FailedError: the function failed.
    """
    client = boto3.client("lambda", config=PATIENT)
    payload: dict[str, int] = {"days": days}
    total = Counter(repaired=0, followed=0, failed=0)
    unfinished = True
    for _ in range(MOST_RUNS):
        answer = client.invoke(FunctionName=function, Payload=json.dumps(payload).encode())
        said = json.load(answer["Payload"])
        if "FunctionError" in answer:
            raise FailedError(f"{said.get('errorMessage', said)}\n{LATER}")
        unfinished = bool(said.pop("unfinished"))
        total.update(said)
        payload = {}  # the next run goes on where this one stopped
        if not unfinished:
            break

    def text(console: Console) -> None:
        console.print(f"{total['repaired']} rows put right, {total['followed']} missed events followed")
        if unfinished:
            console.print(f"It is not at its end. {LATER}")
        if total["failed"]:
            console.print(f"{total['failed']} could not be put right; the function's log says why")

    is_well = not unfinished and not total["failed"]
    return Answer("swept", ("what", "number"), [*total.items()], text, {"unfinished": unfinished}, is_well)
