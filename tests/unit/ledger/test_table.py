"""What a cancelled transaction says of itself."""

import pytest

from tollkeeper.ledger.table import Refused, TransactionCancelledError

LOST, FAILED, FINE = Refused(), Refused(by_condition=True), Refused(in_order=True)


@pytest.mark.parametrize(
    ("refused", "only"),
    [
        ([FAILED, FINE], True),
        ([FAILED, FAILED], True),
        ([LOST, FINE], False),
        ([FAILED, LOST], False),
    ],
)
def test_a_race_is_no_condition(refused: list[Refused], *, only: bool) -> None:
    """Where another writer was at a row, another attempt may succeed, whatever else was refused."""
    assert only is TransactionCancelledError(refused).only_by_condition
