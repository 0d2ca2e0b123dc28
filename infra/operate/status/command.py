"""`tollkeeper status`: what comes in, what waits and what is wrong, of a stack that runs, here or deployed.

The figures are those of the operators' dashboard: from the queues, the table's sparse index and, of what only
CloudWatch knows, from there. It changes nothing and asks Stripe nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import boto3
import click
from rich.console import Console
from rich.table import Table as Grid

from infra.operate import options
from infra.operate.answers import Answer, Format, give
from infra.operate.coverage import seen_by
from infra.operate.exits import Exit
from infra.operate.stacks import Stack
from infra.operate.status import backlog, metrics
from infra.operate.status.figures import Figure
from tollkeeper.catalogue import load
from tollkeeper.clock import clock
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.rules.times import iso

COVERAGE_HOURS = 24
ORDER = (
    *("alarms", "usage", "queues", "dead letters"),
    *("reporter", "reconciler", "coverage", "webhook", "quota"),
)
"""In which areas are shown; others come after them."""


@click.command()
@options.stack
@options.form
def status(stack_name: str, form: Format) -> Exit:
    """Show what comes in, what waits, and what is to be seen to."""
    stack = Stack.find(stack_name)
    return give(shown(stack.name, figures(stack), datetime.now(UTC)), form)


def figures(stack: Stack) -> list[Figure]:
    """Return all figures of a stack, those of one area together."""
    settings = stack.settings()
    watch = boto3.client("cloudwatch")
    table = DynamoTable(boto3.client("dynamodb"), settings.table_name)
    found = [
        *backlog.of_alarms(watch, [*stack.of_type("AWS::CloudWatch::Alarm").values()]),
        *metrics.figures(watch, stack, settings.table_name, [*load().metrics], datetime.now(UTC)),
        *backlog.of_queues(boto3.client("sqs"), settings),
        *backlog.of_reporter(table, clock(settings.sandbox_clock_url).now()),
        *backlog.of_coverage(seen_by(settings, COVERAGE_HOURS)),
    ]
    places = {area: place for place, area in enumerate(ORDER)}
    return sorted(found, key=lambda each: places.get(each.area, len(ORDER)))


def shown(stack: str, found: Sequence[Figure], now: datetime) -> Answer:
    """Return figures as an answer."""
    wrong = sum(not each.is_well for each in found)

    def text(console: Console) -> None:
        grid = Grid(box=None, pad_edge=False, show_header=False)
        area = ""
        for each in found:
            named, mark = "" if each.area == area else each.area, "" if each.is_well else "!"
            grid.add_row(named, each.name, _number(each), each.unit, mark, each.note)
            area = each.area
        console.print(grid)
        said = f"{wrong} to see to" if wrong else "all is well"
        console.print(f"{stack}, {now:%Y-%m-%d %H:%M} UTC: {said}")

    return Answer(
        name="figures",
        columns=("area", "name", "value", "unit", "isWell", "note"),
        rows=[*found],
        text=text,
        sums={"stack": stack, "at": iso(now), "isWell": not wrong},
        is_well=not wrong,
    )


def _number(of: Figure) -> str:
    match of.value:
        case None:
            return "not counted"
        case float():
            return f"{of.value:,.2f}".rstrip("0").rstrip(".")
        case _:
            return f"{of.value:,}"
