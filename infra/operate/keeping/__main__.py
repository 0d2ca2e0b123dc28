"""`python -m infra.operate.keeping migrate|erase|restore`: what is done to all of a table, or of a user.

It needs rights to the table that no function has: to scan, to delete, to restore.
"""

import argparse
import sys
from datetime import UTC, datetime

import boto3

from infra.operate.keeping.migrating import migrate
from infra.operate.keeping.restoring import restore
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.erasing import Erasing, NotErasableError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 1 if it could not be done."""
    given = _parser().parse_args(arguments)
    client = boto3.client("dynamodb")
    table = given.table or _table_of(given.stack)
    match given.command:
        case "migrate":
            report = migrate(client, table, applies=given.apply)
            told = ", ".join(f"{number} {word}" for word, number in report.items())
            print(
                f"Rows of {table}: {told}.{'' if given.apply else ' Nothing was written: APPLY=1 does it.'}"
            )
        case "erase":
            try:
                name = Erasing(DynamoTable(client, table)).erase(given.user, given.by, datetime.now(UTC))
            except NotErasableError as refusal:
                print(refusal, file=sys.stderr)
                return 1
            print(f"{given.user} is erased. What was billed stays under {name}, which leads to nobody.")
            print("Delete the customer at Stripe as well, once nothing of theirs is open there.")
        case "restore":
            found = restore(client, table, given.to, given.at)
            print(f"{found.table} is ready. docs/keeping.md says what comes next: sam deploy with")
            print(found.parameters)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="keeping", description=__doc__)
    parser.add_argument("--stack", default="tollkeeper-dev", help="whose table it is (tollkeeper-dev)")
    parser.add_argument("--table", help="a table by its name, instead")
    commands = parser.add_subparsers(dest="command", required=True)
    of_rows = commands.add_parser("migrate", help="bring rows to the present form")
    of_rows.add_argument("--apply", action="store_true", help="write; else say what would be written")
    of_user = commands.add_parser("erase", help="erase a user who asked for it")
    of_user.add_argument("user")
    of_user.add_argument("--by", required=True, help="who does it, for the audit trail")
    of_table = commands.add_parser("restore", help="restore the table under another name")
    of_table.add_argument("to", help="the new table's name")
    of_table.add_argument(
        "--at", type=_instant, help="as it was then, 2026-11-28T05:00:00Z; the latest if not given"
    )
    return parser


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("say the time zone, as 2026-11-28T05:00:00Z")
    return instant


def _table_of(stack: str) -> str:
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return next(each["OutputValue"] for each in described["Outputs"] if each["OutputKey"] == "TableName")


if __name__ == "__main__":
    sys.exit(main())
