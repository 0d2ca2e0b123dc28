"""Changing a plan that Stripe has changed already: it is finished, and answered as it was decided."""

from datetime import timedelta

import pytest

from tests.examples import END, NOW
from tests.fakes.deciding import Household, patient
from tollkeeper.rules.decisions import Choice, Wish
from tollkeeper.rules.plan_changes import Effective, PlanChange


@pytest.mark.parametrize(
    ("at_stripe", "change"),
    [
        ({"pending_plan": "starter"}, PlanChange("starter", Effective.PERIOD_END, END)),
        ({"plan": "enterprise"}, PlanChange("enterprise", Effective.NOW, NOW)),
    ],
    ids=["down", "up"],
)
def test_what_stripe_has_done_already_holds_from_when_it_was_decided(
    at_stripe: dict[str, object], change: PlanChange
) -> None:
    """Who did it died before that was written down: up from their click on, down from the period's end."""
    home = Household()
    wish = Wish(Choice.CHANGE_PLAN, change.plan)
    begun = home.desk().plans.deciding.decisions.take(home.user, wish, NOW, patient())
    home.be(**at_stripe)
    home.wait(timedelta(minutes=1))
    assert change == home.desk().change(change.plan)
    assert (begun.number, True) == (home.decision.number, home.decision.done)
