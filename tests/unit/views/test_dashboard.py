"""What the usage page shows, as values; what is made of them is in tests/unit/pages."""

from dataclasses import replace
from datetime import timedelta

from tests.examples import NOW, PERIOD, START
from tests.fakes.dashboard import LAST_MONTH, being, shown, using
from tollkeeper.rules.subscriptions import Status


def test_an_unpaid_plan_stays_for_seven_days() -> None:
    """From when its invoice failed; who owes nothing has no such end."""
    user = using({})
    unpaid = being(user, status=Status.PAST_DUE, past_due_since=NOW - timedelta(days=2))
    assert (NOW + timedelta(days=5), None) == (shown(unpaid).grace_ends_at, shown(user).grace_ends_at)


def test_beside_the_present_period_the_one_before_it_is_shown() -> None:
    """Of several the last, but none that turned out to be no period; none, where there was none."""
    user = using({})
    earlier = replace(LAST_MONTH, start=START - timedelta(days=62), end=LAST_MONTH.start)
    void = replace(LAST_MONTH, start=START - timedelta(days=1), end=START - timedelta(days=1), is_void=True)
    past = shown(replace(user, periods=(PERIOD, earlier, LAST_MONTH, void))).past
    assert past
    assert (LAST_MONTH.start, None) == (past.start, shown(replace(user, periods=(PERIOD,))).past)
