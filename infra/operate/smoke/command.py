"""`tollkeeper smoke`: see after a deploy that every route, authorizer, webhook, schedule and queue is alive.

It changes nothing: it asks AWS what there is, knocks as a stranger would, and calls functions with nothing to
do. What it needs are rights to read the stack, to call its functions, and to read its two secrets.
"""

from collections.abc import Iterator
from functools import partial

import boto3
import click

from infra.operate import options
from infra.operate.answers import Format, give, progress
from infra.operate.checks import Check, Look, answer, looked_at
from infra.operate.exits import Exit
from infra.operate.smoke import parts, routes, webhook
from infra.operate.stacks import Stack
from infra.template import written


@click.command()
@options.stack
@options.form
def smoke(stack_name: str, form: Format) -> Exit:
    """See that every route, authorizer, webhook, schedule, queue, function and alarm is alive."""
    stack = Stack.find(stack_name)
    with progress(bar=False) as shown:
        return give(answer([*shown.track(checks(stack), description="Looking")]), form)


def checks(stack: Stack) -> Iterator[Check]:
    """Look at all of a stack, area by area."""
    template = written()
    wanted = routes.wanted(template)
    gateway = boto3.client("apigatewayv2")
    areas: list[tuple[str, Look]] = [
        ("stack", partial(parts.formed, stack)),
        ("api", partial(routes.authorizers, gateway, stack)),
        ("api", partial(routes.deployed, gateway, stack, wanted)),
        ("api", partial(routes.answered, stack, wanted)),
        ("webhook", partial(webhook.refused, stack)),
        ("webhook", partial(webhook.tied, stack)),
        ("table", partial(parts.kept, stack)),
        ("queues", partial(parts.queued, stack, template)),
        ("functions", partial(parts.running, stack, template)),
        ("schedules", partial(parts.scheduled, stack)),
        ("alarms", partial(parts.watched, stack)),
    ]
    for area, look in areas:
        yield from looked_at(area, look)
