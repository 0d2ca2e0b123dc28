"""Whatever is sent, repeated, delayed, contradicted, heard late or closed: all comes out as in the model."""

from tests.fakes.table import MemoryTable
from tests.ledger.counting_machine import CountingMachine, run_machine
from tollkeeper.ledger.table import Table


def test_any_history_counts_like_the_model(table: Table) -> None:
    """Any sequence of usage, corrections, words, caps, deaths and closings comes out as in the model."""
    is_quick = isinstance(table, MemoryTable)
    make_table = MemoryTable if is_quick else staticmethod(lambda: table)
    # An emulator copies its table for each transaction: a few short sequences hold it to the table's words.
    examples, steps = (150, 30) if is_quick else (3, 12)
    run_machine(type("Machine", (CountingMachine,), {"make_table": make_table}), examples, steps)
