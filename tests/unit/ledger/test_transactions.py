"""How much goes into one transaction."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.examples import NOW, PERIOD, RECORD
from tollkeeper.ledger.table import MOST_WRITES
from tollkeeper.ledger.transactions import OTHER_WRITES, transactions
from tollkeeper.rules.allocation import Allocation


@pytest.mark.parametrize("days", [1, 3])
def test_a_transaction_is_as_full_as_dynamodb_takes_it(days: int) -> None:
    """A hundred writes: each record, each of their days, and what is beside."""
    records = [
        replace(RECORD, id=f"evt-{number}", timestamp=NOW - timedelta(days=number % days))
        for number in range(150)
    ]
    sizes = [len(each) for each in transactions([Allocation(each, PERIOD) for each in records])]
    full = MOST_WRITES - OTHER_WRITES - days
    assert [full, 150 - full] == sizes


def test_corrections_go_alone_and_last() -> None:
    """So that what they take back has been counted before."""
    fixes = [replace(RECORD, id=f"fix-{number}", quantity=-1) for number in range(2)]
    allocations = [Allocation(each, PERIOD) for each in (*fixes, RECORD)]
    assert [["evt-1"], ["fix-0"], ["fix-1"]] == [
        [each.record.id for each in together] for together in transactions(allocations)
    ]
