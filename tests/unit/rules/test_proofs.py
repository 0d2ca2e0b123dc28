"""A period derived anew from its records alone."""

from dataclasses import astuple, replace

from tests.examples import PERIOD
from tollkeeper.rules.proofs import Evidence, Proof, RecordSums, prove


def proof(*evidence: Evidence, used: int) -> Proof:
    """Return what records prove of Ada's open period, whose row says that so many exports were used."""
    period = replace(PERIOD, used={"exports": used})
    return prove("live", "ada", period, None, [], evidence, markers_are_kept=True)


def record(record_id: str, quantity: int, **more: object) -> Evidence:
    """Return a record as it is listed, with its own row."""
    whole = Evidence(record_id, "exports", quantity, marker=("exports", quantity))
    return whole._replace(**more)  # type: ignore[arg-type]


def test_records_are_summed_by_what_they_are() -> None:
    """Used, taken back by a correction, released, and only shown; each that counts is counted."""
    evidence = [
        record("a", 5),
        record("b", 7, released=2),
        record("c", 3, released=1),
        record("fix", -4),
        record("late", 9, counts=False),
    ]
    found = proof(*evidence, used=8)
    (exports,) = found.metrics
    assert RecordSums(records=4, used=15, corrected=-4, released=3, shown=9) == exports.sums
    assert (8, []) == (exports.sums.total, [*found.differences])


def test_no_records_come_to_nothing() -> None:
    """Of a metric that the row alone has: it is said."""
    found = proof(used=2)
    (exports,) = found.metrics
    assert (0, 0, 0, 0, 0) == astuple(exports.sums)
    assert ["exports: the records come to 0, the row says 2"] == [*found.differences]


def test_what_is_wrong_with_a_list_is_said() -> None:
    """A record twice, one without its row, and one that its row calls another."""
    evidence = [record("a", 1), record("a", 1), record("b", 1, marker=None)]
    evidence.append(record("c", 1, marker=("exports", 2)))
    assert [
        "the record a is listed 2 times",
        "the record b is listed, and has no row of its own",
        "the record c is listed as 1 of exports, and its row differs",
    ] == [*proof(*evidence, used=4).differences]
