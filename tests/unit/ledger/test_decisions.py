"""The book of decisions: the last one of a user stands in their row."""

from collections.abc import Sequence

from tests.examples import NOW, USER
from tests.fakes.deciding import patient
from tests.fakes.table import MemoryTable
from tollkeeper.ledger.decisions import Decisions
from tollkeeper.ledger.table import Write
from tollkeeper.rules.decisions import Choice, Wish


class Counted(MemoryTable):
    """A table that counts what is written to it."""

    writes = 0

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all writes, or none."""
        self.writes += 1
        super().transact(writes)


def test_who_joins_a_decision_writes_nothing() -> None:
    """However many want the same at once, the row is written once: they are in nobody's way."""
    table, wish = Counted(), Wish(Choice.CHANGE_PLAN, "enterprise")
    taken = [Decisions(table).take(USER, wish, NOW, patient()) for _ in range(3)]
    assert ([taken[0]] * 3, 1) == (taken, table.writes)
