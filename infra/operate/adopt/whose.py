"""Whose a customer is, by what people noted at Stripe or wrote into a file."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from infra.operate.adopt.customers import Customer
from infra.operate.exits import UnfitError

COLUMNS = ("customer", "userId")
"""What a file's first line names, perhaps among others."""

type Whose = Callable[[Iterable[Customer]], Mapping[str, frozenset[str]]]
"""Says which users are named for customers, by the customers' ids; more than one for one is an obstacle."""


class UnreadableError(UnfitError):
    """It is not said whose customers are; the message says what is wrong."""


def by_metadata(key: str) -> Whose:
    """Read a key of customers' metadata and, where a customer has none, of its live subscriptions'."""

    def whose(customers: Iterable[Customer]) -> Mapping[str, frozenset[str]]:
        return {customer.id: _noted(customer, key) for customer in customers}

    return whose


def by_file(path: Path) -> Whose:
    """Read a CSV file with the columns `customer` and `userId`.

    Raises:
        UnreadableError: there is no such file, it has other columns, or a line that lacks one of them.
    """
    named: dict[str, set[str]] = defaultdict(set)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(file)
            if not set(COLUMNS) <= set(lines.fieldnames or ()):
                raise UnreadableError(f"The first line of {path} must name the columns customer and userId.")
            for line in lines:
                customer, user_id = ((line[column] or "").strip() for column in COLUMNS)
                if not customer or not user_id:
                    raise UnreadableError(f"Line {lines.line_num} of {path} lacks a customer or a userId.")
                named[customer].add(user_id)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError(f"{path} cannot be read: {error}") from error
    said = {customer: frozenset(users) for customer, users in named.items()}
    return lambda _: said


def _noted(customer: Customer, key: str) -> frozenset[str]:
    places = [customer.metadata] + [each.metadata for each in customer.subscriptions]
    noted = [place.get(key, "").strip() for place in places]
    return frozenset([noted[0]] if noted[0] else filter(None, noted))
