"""`python -m infra.operate.coverage [--stack NAME] [--hours N]`: what share of requests is metered.

Reads the stack's table itself, as GET /coverage does, so it needs no token but the right to read that.
"""

import argparse
import sys
from collections.abc import Iterator

import boto3

from tollkeeper.clock import clock
from tollkeeper.coverage.telling import CoverageTelling
from tollkeeper.ledger.coverage_book import CoverageBook
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.rules.coverage import CoverageShown, HostCoverage, Requests

DEFAULT_STACK = "tollkeeper-dev"
MOST_HOURS = 168


def main() -> int:
    """Print what hosts have told; 1 if something is not mapped, or a host has fallen silent."""
    parser = argparse.ArgumentParser(prog="python -m infra.operate.coverage")
    parser.add_argument("--stack", default=DEFAULT_STACK, help="the deployed stack")
    parser.add_argument("--hours", type=int, default=24, choices=range(1, MOST_HOURS + 1), metavar="1…168")
    arguments = parser.parse_args()
    function = boto3.client("cloudformation").describe_stack_resource(
        StackName=arguments.stack, LogicalResourceId="Coverage"
    )["StackResourceDetail"]["PhysicalResourceId"]
    configuration = boto3.client("lambda").get_function_configuration(FunctionName=function)
    environment = configuration["Environment"]["Variables"]
    table = DynamoTable(boto3.client("dynamodb"), environment["TABLE_NAME"])
    now = clock(environment.get("SANDBOX_CLOCK_URL") or None).now()
    seen = CoverageTelling(CoverageBook(table)).show(arguments.hours, now)
    for line in lines(seen):
        print(line)
    return int(bool(seen.unmapped_paths) or any(each.silent for each in seen.hosts))


def lines(seen: CoverageShown) -> Iterator[str]:
    """Return what is to be read of coverage, line by line."""
    yield f"All hosts: {percent(seen.requests)}"
    for metric, number in seen.requests.metered.items():
        yield f"  {number:>12}  {metric}"
    for name in ("excused", "reads", "failed", "refused", "nobody", "unmapped"):
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


if __name__ == "__main__":
    sys.exit(main())
