"""`tollkeeper migrate`, `erase` and `restore`: what is done to all of a table, or of a user.

It needs rights to the table that no function has: to scan, to delete, to restore.
"""

from datetime import UTC, datetime

import boto3
import click
from rich.console import Console

from infra.operate import options
from infra.operate.answers import Answer, Format, give
from infra.operate.exits import Exit, UnfitError
from infra.operate.keeping.migrating import migrate as bring_forward
from infra.operate.keeping.restoring import restore as restored
from infra.operate.stacks import Stack
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.erasing import Erasing, NotErasableError


@click.command()
@options.stack
@options.prod
@options.form
@options.table
@click.option("--apply", "applies", is_flag=True, help="Write; else say what would be written.")
def migrate(stack_name: str, table: str | None, form: Format, *, applies: bool, prod: bool) -> Exit:
    """Bring rows to the form of this release."""
    name = table or _table_of(stack_name, prod=prod or not applies)
    report = bring_forward(boto3.client("dynamodb"), name, applies=applies)

    def text(console: Console) -> None:
        told = ", ".join(f"{number} {word}" for word, number in report.items())
        hint = "" if applies else " Nothing was written: --apply (APPLY=1) does it."
        console.print(f"Rows of {name}: {told}.{hint}", soft_wrap=True)

    return give(Answer("rows", ("form", "number"), [*report.items()], text, {"table": name}), form)


@click.command()
@options.stack
@options.prod
@options.form
@options.table
@click.argument("user")
@click.option("--by", required=True, help="Who does it, for the audit trail.")
def erase(stack_name: str, table: str | None, user: str, by: str, form: Format, *, prod: bool) -> Exit:
    """Erase USER, who asked for it."""
    ledger = DynamoTable(boto3.client("dynamodb"), table or _table_of(stack_name, prod=prod))
    try:
        name = Erasing(ledger).erase(user, by, datetime.now(UTC))
    except NotErasableError as refusal:
        raise UnfitError(str(refusal)) from refusal

    def text(console: Console) -> None:
        said = f"{user} is erased. What was billed stays under {name}, which leads to nobody."
        console.print(said, soft_wrap=True)
        console.print("Delete the customer at Stripe as well, once nothing of theirs is open there.")

    return give(Answer("erased", ("userId", "stays"), [(user, name)], text), form)


@click.command()
@options.stack
@options.prod
@options.form
@options.table
@click.argument("to")
@click.option("--at", callback=options.instant, help="As it was then; the latest if it is not given.")
def restore(
    stack_name: str, table: str | None, to: str, at: datetime | None, form: Format, *, prod: bool
) -> Exit:
    """Restore the table under another name, TO."""
    found = restored(boto3.client("dynamodb"), table or _table_of(stack_name, prod=prod), to, at)

    def text(console: Console) -> None:
        said = f"{found.table} is ready. docs/keeping.md says what comes next: sam deploy with"
        console.print(said, found.parameters, sep="\n", soft_wrap=True)

    columns, row = ("table", "stream", "parameters"), (found.table, found.stream, found.parameters)
    return give(Answer("restored", columns, [row], text), form)


def _table_of(stack_name: str, *, prod: bool) -> str:
    """Return a stack's table, which production's is for those alone who say so."""
    stack = Stack.find(stack_name)
    stack.require_said(prod=prod)
    return stack.settings().table_name
