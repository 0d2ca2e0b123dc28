"""docs/bench.md and docs/scale.md: every figure that DESIGN asks for, and what is reckoned from them."""

import pytest

from tests.bench import scale
from tests.unit.docs.documents import code, section, table

ASKED = {
    *("write_units_per_record", "write_units_per_summed_call", "write_units_per_lone_record"),
    *("usd_per_million_records", "usd_per_million_summed_calls", "idle_usd_per_month"),
    *("quota_requests", "quota_cpu_ratio", "consume_requests", "write_units_per_consume"),
    *("storage_bytes_per_record", "tracker_cpu_ratio", "webhook_cpu_ratio", "tracker_batch_seconds"),
    *("quota_cold_start_ratio", "webhook_cold_start_ratio", "reporter_idle_ratio", "reporter_cpu_ratio"),
}
"""What DESIGN §7 asks for, by its keys."""


def test_each_figure_that_was_asked_for_is_in_the_docs() -> None:
    """With its bound beside it."""
    bounded = {code(name) for name, _, _, bound in table("docs/bench.md", "All of them") if bound}
    assert set() == ASKED - bounded


@pytest.mark.parametrize(
    ("heading", "rows"), [(scale.COSTS, scale.costs), (scale.TOTALS, scale.totals)], ids=["each", "months"]
)
def test_what_is_reckoned_is_what_stands_there(heading: str, rows: scale.Reckoned) -> None:
    """The tables of docs/scale.md are those that the figures and the price list make."""
    assert rows(scale.measured()) == table(scale.PAGE, heading)


def test_who_measured_is_told() -> None:
    """The page says when and on which machine."""
    assert "Written by `make bench DOCS=1` on" in section("docs/bench.md", "Figures")
    assert {code(cells[0]) for cells in table("docs/bench.md", "All of them")} == scale.measured().keys()
