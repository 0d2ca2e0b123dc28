"""A period derived anew from its records alone."""

from dataclasses import astuple, replace

from tests.examples import PERIOD
from tollkeeper.rules.overage import Overage
from tollkeeper.rules.proofs import Evidence, Proof, Proved, RecordSums, prove


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
        record("later", 2, counts=False),
    ]
    found = proof(*evidence, used=8)
    (exports,) = found.metrics
    assert RecordSums(records=4, used=15, corrected=-4, released=3, shown=11) == exports.sums
    assert (8, []) == (exports.sums.total, [*found.differences])


def test_a_metric_is_told_with_its_reckoning() -> None:
    """Limit, what an upgrade froze, and what is over and due by the records, if it has a price."""
    period = replace(PERIOD, used={"exports": 510, "designsCreated": 7}, incurred={"exports": 3})
    records = [record("a", 510), record("b", 7, metric="designsCreated", marker=("designsCreated", 7))]
    designs, exports = prove("live", "ada", period, None, [], records, markers_are_kept=True).metrics
    sums = (RecordSums(records=1, used=7), RecordSums(records=1, used=510))
    over = Overage(10, 500)
    assert Proved("designsCreated", sums[0], 7, -1, 0, None, None, None, []) == designs
    assert Proved("exports", sums[1], 510, 500, 3, over, over, None, []) == exports


def test_what_the_row_has_not_is_nothing() -> None:
    """Records of a metric that it does not count."""
    found = prove("live", "ada", PERIOD, None, [], [record("a", 1)], markers_are_kept=True)
    ((exports,), told) = (found.metrics, "exports: the records come to 1, the row says 0")
    assert (0, 0, [told]) == (exports.row, exports.incurred, [*found.differences])


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
