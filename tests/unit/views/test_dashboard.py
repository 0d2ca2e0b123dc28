"""What the usage page shows, as values; what is made of them is in tests/unit/pages."""

from datetime import timedelta

from tests.examples import NOW
from tests.fakes.dashboard import being, shown, using
from tollkeeper.rules.subscriptions import Status


def test_an_unpaid_plan_stays_for_seven_days() -> None:
    """From when its invoice failed; who owes nothing has no such end."""
    user = using({})
    unpaid = being(user, status=Status.PAST_DUE, past_due_since=NOW - timedelta(days=2))
    assert (NOW + timedelta(days=5), None) == (shown(unpaid).grace_ends_at, shown(user).grace_ends_at)
