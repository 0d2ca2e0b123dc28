"""A release may write a period's terms otherwise: those that are written down still hold, word for word."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.ledger.story import Story
from tollkeeper.ledger import keys
from tollkeeper.rules.limits import Barrier

type Terms = dict[str, Any]


def with_another_key(terms: Terms) -> Terms:
    """As a later release may write them."""
    return {**terms, "currency": "usd"}


def without_observed(terms: Terms) -> Terms:
    """As a release wrote them that knew no metrics to be observed only."""
    return {name: value for name, value in terms.items() if name != "observed"}


def in_another_order(terms: Terms) -> Terms:
    """As a release wrote them that spelled them otherwise."""
    return {
        **dict(reversed(terms.items())),
        "prices": {each: f"{float(price):.4f}" for each, price in terms["prices"].items()},
    }


def without_a_metric(terms: Terms) -> Terms:
    """As they were before the catalogue had exports."""
    without = {name: value for name, value in terms["limits"].items() if name != "aiQueries"}
    return {**terms, "limits": without, "prices": {"exports": "50.00", "apiCalls": "1"}}


@pytest.mark.parametrize("written", [with_another_key, without_observed, in_another_order, without_a_metric])
def test_a_running_period_goes_on(written: Callable[[Terms], Terms]) -> None:
    """Consume, track, cap, upgrade and close work on its row."""
    story = Story("starter")
    key = keys.period("ada", story.periods()[0])
    terms = written(json.loads(str(story.table.rows[key]["terms"])))
    story.table.rows[key]["terms"] = json.dumps(terms, indent=1)
    assert story.consume("exports", 50) is None
    assert [] == story.track("exports", 4).left
    story.accept(250)
    assert story.consume("exports", 1) is None
    assert Barrier.SPENDING_CAP == story.consume("exports", 1)
    story.accept(1_000)
    story.world.change(story.world.live[0], plan="professional")
    story.hear()
    assert {"exports": 5} == story.periods()[0].incurred
    assert story.consume("designsCreated", 100) is None
    story.on_day(30.1)
    story.hear()
    story.close()
    assert {0: {"exports": 5}} == story.charges()
