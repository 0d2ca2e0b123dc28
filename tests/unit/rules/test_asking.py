"""How often Stripe may be asked for what one user sees of it."""

from datetime import timedelta

import pytest

from tests.examples import NOW
from tollkeeper.rules.asking import MINUTE, MOST_CLICKS, Clicks, clicked, may_look

ALMOST = MINUTE - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("since", "may"),
    [(timedelta(), False), (ALMOST, False), (-ALMOST, False), (MINUTE, True), (-MINUTE, True)],
)
def test_a_page_may_ask_once_a_minute(since: timedelta, *, may: bool) -> None:
    """Also by a clock that is some seconds behind; one that was set back by more does not wait for it."""
    assert may == may_look(NOW - since, NOW)
    assert may_look(None, NOW)


def test_some_clicks_may_ask_besides() -> None:
    """So many in the minute that begins with the first of them, and none more until it is over."""
    clicks: Clicks | None = None
    for number in range(MOST_CLICKS):
        clicks = clicked(clicks, NOW + number * timedelta(seconds=1))
        assert Clicks(number + 1, NOW) == clicks
    assert clicked(clicks, NOW + ALMOST) is None
    assert Clicks(1, NOW + MINUTE) == clicked(clicks, NOW + MINUTE)
