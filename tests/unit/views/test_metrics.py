"""What is shown of each metric of a period."""

from dataclasses import replace

from tests.examples import CATALOGUE, PERIOD
from tollkeeper.rules.overage import Overage
from tollkeeper.views.metrics import period_view


def test_what_has_no_price_is_never_over() -> None:
    """Nothing is over and nothing is billed, in units and in cents, also beyond a limit."""
    view = period_view(replace(PERIOD, used={"mlPredictions": 2_000}), PERIOD.terms, CATALOGUE)
    shown = {each.name: (each.over, each.billed) for each in view.metrics if each.price is None}
    assert {"mlPredictions", "roomsCreated"} < shown.keys()
    assert {(Overage(0, 0), Overage(0, 0))} == {*shown.values()}
