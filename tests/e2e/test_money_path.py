"""From checkout to invoice, through every part of the system."""

from infra.local.demo import live_a_month
from infra.local.places import Home, Stack


def test_a_busy_month_is_counted_and_billed_to_the_cent(home: Home, stack: Stack) -> None:
    """15,000 API calls, 1,200 AI queries and 600 exports on the professional plan come to $219.00."""
    figures = live_a_month(home, stack)

    assert [] == [figure for figure in figures if figure.is_off]
    assert "$219.00" == figures[-1].found
