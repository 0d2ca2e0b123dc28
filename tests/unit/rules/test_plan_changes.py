"""Which way a change of plan goes (DESIGN rule 7)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.examples import END, NOW, OFFER, START, SUBSCRIPTION, USER, bound
from tollkeeper.catalogue import FREE
from tollkeeper.rules.plan_changes import Effective, PlanChange, holds, plan_change
from tollkeeper.rules.subscriptions import Status, effective_plan
from tollkeeper.rules.users import period_at


@pytest.mark.parametrize(
    ("plan", "effective", "at"),
    [
        ("enterprise", Effective.NOW, NOW),
        ("professional", Effective.NOW, NOW),
        ("starter", Effective.PERIOD_END, END),
    ],
)
def test_what_costs_more_holds_now(plan: str, effective: Effective, at: object) -> None:
    """And the present plan; any other from the period's end."""
    change = plan_change(SUBSCRIPTION, plan, OFFER, NOW)
    assert (plan, effective, at) == (change.plan, change.effective, change.at)


def test_from_a_plan_that_is_sold_no_more_every_plan_is_up() -> None:
    """It costs nothing that anybody knows of."""
    change = plan_change(replace(SUBSCRIPTION, plan=FREE), "starter", OFFER, NOW)
    assert Effective.NOW is change.effective


def test_an_upgrade_holds_when_it_is_the_plan_and_nothing_else_is_to_come() -> None:
    """What is pending is no upgrade yet, and what is to come must have been given up."""
    up = PlanChange("enterprise", Effective.NOW, NOW)
    moved = replace(SUBSCRIPTION, plan="enterprise")
    assert [False, True, False] == [
        holds(each, up) for each in (SUBSCRIPTION, moved, replace(moved, pending_plan="starter"))
    ]


def test_a_downgrade_holds_when_it_is_to_come() -> None:
    """The last one."""
    down = PlanChange("starter", Effective.PERIOD_END, END)
    pending = [replace(SUBSCRIPTION, pending_plan=plan) for plan in (None, "enterprise", "starter")]
    assert [False, False, True] == [holds(each, down) for each in pending]


def test_a_plan_to_come_holds_from_the_periods_end() -> None:
    """Before Stripe has renewed, limits are those of the plan that was asked for."""
    pending = replace(SUBSCRIPTION, pending_plan="starter")
    user = replace(USER, subscription=pending)
    before, after = END - timedelta(seconds=1), END
    assert ("professional", "starter") == (effective_plan(pending, before), effective_plan(pending, after))
    assert ("professional", "starter") == (
        period_at(user, before, OFFER).terms.plan,
        period_at(user, after, OFFER).terms.plan,
    )


def test_a_plan_to_come_leaves_the_open_period_alone() -> None:
    """Its terms are those it began with."""
    pending = replace(SUBSCRIPTION, pending_plan="starter")
    assert () == bound(USER, pending).periods


def test_when_stripe_has_renewed_the_new_period_is_of_the_new_plan() -> None:
    """The schedule's phase has begun with it."""
    renewed = replace(
        SUBSCRIPTION,
        plan="starter",
        status=Status.ACTIVE,
        period_start=END,
        period_end=END + (END - START),
    )
    (begun,) = (each.after for each in bound(USER, renewed, at=END).periods if each.before is None)
    assert ("starter", END) == (begun.terms.plan, begun.start)
