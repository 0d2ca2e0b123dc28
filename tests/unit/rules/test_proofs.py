"""What the records of a metric come to."""

from dataclasses import astuple

from tollkeeper.rules.proofs import RecordSums


def test_no_records_come_to_nothing() -> None:
    """None was counted, corrected, released or shown."""
    assert (0, 0, 0, 0, 0) == astuple(RecordSums())
    assert 0 == RecordSums().total


def test_the_total_is_what_was_used_and_not_taken_back() -> None:
    """A correction is negative already; what is only shown does not count."""
    assert 6 == RecordSums(records=4, used=10, corrected=-3, released=1, shown=7).total
