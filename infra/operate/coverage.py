"""`tollkeeper coverage`: what share of the hosts' requests is metered, and what nobody has mapped.

Reads the stack's table itself, as GET /coverage does, so it needs no token but the right to read that.
"""

from collections.abc import Iterator

import boto3
import click

from infra.operate import options
from infra.operate.answers import Answer, Cell, Format, give
from infra.operate.exits import Exit
from infra.operate.stacks import Stack
from tollkeeper.clock import clock
from tollkeeper.coverage.telling import CoverageTelling
from tollkeeper.ledger.coverage_book import CoverageBook
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.rules.coverage import KINDS, CoverageShown, HostCoverage, Requests
from tollkeeper.rules.times import iso
from tollkeeper.settings import Settings

MOST_HOURS = 168
COLUMNS = ("kind", "host", "name", "requests", "share", "lastToldAt")


@click.command()
@options.stack
@options.form
@click.option(
    "--hours", type=click.IntRange(1, MOST_HOURS), default=24, show_default=True, help="Of how many hours."
)
def coverage(stack_name: str, hours: int, form: Format) -> Exit:
    """Show what share of your hosts' requests is metered, and what nobody has mapped."""
    return give(answer(seen_by(Stack.find(stack_name).settings(), hours)), form)


def seen_by(settings: Settings, hours: int) -> CoverageShown:
    """Return what hosts have told a stack of the last so many hours."""
    table = DynamoTable(boto3.client("dynamodb"), settings.table_name)
    return CoverageTelling(CoverageBook(table)).show(hours, clock(settings.sandbox_clock_url).now())


def answer(seen: CoverageShown) -> Answer:
    """Return what is to be said of coverage; a gap, or a host that fell silent, is to be seen to."""
    return Answer(
        name="coverage",
        columns=COLUMNS,
        rows=[*rows(seen)],
        text=lambda console: console.print(*lines(seen), sep="\n"),
        sums={"share": seen.requests.share, "requests": seen.requests.total},
        is_well=not seen.unmapped_paths and not any(each.silent for each in seen.hosts),
    )


def rows(seen: CoverageShown) -> Iterator[tuple[Cell, ...]]:
    """Return coverage as cells: requests by metric and by other ends, hosts, and paths nobody has mapped."""
    for metric, number in seen.requests.metered.items():
        yield "metered", None, metric, number, None, None
    for name in KINDS:
        yield "otherwise", None, name, getattr(seen.requests, name), None, None
    for host in seen.hosts:
        kind, told = "silent" if host.silent else "host", iso(host.last_told_at)
        yield kind, host.host, None, host.requests.total, host.requests.share, told
    for path in seen.unmapped_paths:
        yield "unmapped", path.host, f"{path.method} {path.path}", path.requests, None, None


def lines(seen: CoverageShown) -> Iterator[str]:
    """Return what is to be read of coverage, line by line."""
    yield f"All hosts: {percent(seen.requests)}"
    for metric, number in seen.requests.metered.items():
        yield f"  {number:>12}  {metric}"
    for name in KINDS:
        yield f"  {getattr(seen.requests, name):>12}  {name}"
    for host in seen.hosts:
        yield of_host(host)
    for path in seen.unmapped_paths:
        yield f"NOT MAPPED  {path.host}: {path.method} {path.path}, {path.requests} times"


def of_host(host: HostCoverage) -> str:
    """Return a host's line."""
    if host.silent:
        return f"SILENT  {host.host} has told nothing since {host.last_told_at:%Y-%m-%d %H:%M} UTC"
    return f"{host.host}: {percent(host.requests)}, processes: {host.processes}"


def percent(requests: Requests) -> str:
    """Return a share in words."""
    share = "nothing" if requests.share is None else f"{100 * requests.share:.2f} %"
    return f"{share} metered or excused, of {requests.total} requests in all"
