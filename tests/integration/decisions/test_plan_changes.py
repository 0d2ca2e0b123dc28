"""Changing plans: up at once, down at the period's end, and what is shown of it meanwhile."""

from datetime import timedelta

import pytest

from tests.fakes.table import MemoryTable
from tests.integration.decisions.ada import CATALOGUE, DECLINES, END, HALF, OFFER, Ada
from tests.standin.harness import START
from tollkeeper.ledger.patience import Patience
from tollkeeper.rules.plan_changes import Effective, PlanChange
from tollkeeper.rules.subscriptions import Status
from tollkeeper.rules.times import from_epoch
from tollkeeper.rules.users import period_at
from tollkeeper.subscriptions.errors import NoSubscriptionError


def test_upgrade_mid_cycle_raises_limits_at_once(ada: Ada) -> None:
    """Half of the month is left: half of each price changes hands, and the higher limits hold."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    preview = ada.plans.preview("ada", "professional", ada.now)
    before = (ada.shown.plan, len(ada.invoices()))
    change = ada.change("professional")
    assert (Effective.NOW, START + HALF, 3500, 9900, 10_000) == (
        preview.effective,
        preview.at,
        preview.due_now,
        preview.next_total,
        preview.limits["apiCalls"],
    )
    assert (("starter", 1), PlanChange("professional", Effective.NOW, ada.now)) == (before, change)
    assert ("professional", 10_000, 3500, "paid") == (
        ada.shown.plan,
        ada.shown.limits["apiCalls"],
        ada.invoices()[0].total,
        ada.invoices()[0].status,
    )


def test_upgrade_with_overage_owed_neither_loses_nor_doubles_it(ada: Ada) -> None:
    """What was over the old limit stays owed, once, and the new limit is whole."""
    ada.subscribe("starter")
    ada.move(START + HALF)
    ada.use("apiCalls", 1_500)
    assert 500 == ada.plans.preview("ada", "professional", ada.now).overage_so_far
    ada.change("professional")
    ada.use("apiCalls", 9_000)
    held = ada.shown.overage["apiCalls"]
    ada.use("apiCalls", 7)
    over = ada.shown.overage["apiCalls"]
    assert ((500, 500), (507, 507)) == ((held.quantity, held.amount), (over.quantity, over.amount))


def test_downgrade_waits_for_the_period_end(ada: Ada) -> None:
    """It is shown as pending, costs nothing now, and is the next bill."""
    ada.subscribe("professional")
    ada.move(START + HALF)
    preview = ada.plans.preview("ada", "starter", ada.now)
    change = ada.change("starter")
    assert (Effective.PERIOD_END, 0, 2900) == (preview.effective, preview.due_now, preview.next_total)
    assert PlanChange("starter", Effective.PERIOD_END, END) == change
    assert ("professional", "starter", 10_000, 2900, 1) == (
        ada.shown.plan,
        ada.shown.pending_plan,
        ada.shown.limits["apiCalls"],
        ada.shown.projected_total,
        len(ada.invoices()),
    )
    ada.move(END + timedelta(hours=2))
    assert ("starter", None, 1_000, 2900) == (
        ada.shown.plan,
        ada.shown.pending_plan,
        ada.shown.limits["apiCalls"],
        ada.invoices()[0].total,
    )


def test_a_pending_downgrade_is_replaced_by_another(ada: Ada) -> None:
    """The last word counts."""
    ada.subscribe("enterprise")
    ada.change("professional")
    ada.change("starter")
    assert ("enterprise", "starter") == (ada.shown.plan, ada.shown.pending_plan)
    ada.move(END + timedelta(hours=2))
    assert "starter" == ada.shown.plan


def test_a_pending_downgrade_is_revoked_by_the_present_plan(ada: Ada) -> None:
    """Nothing changes at the period's end."""
    ada.subscribe("professional")
    ada.change("starter")
    assert PlanChange("professional", Effective.NOW, START) == ada.change("professional")
    assert (None, None) == (ada.shown.pending_plan, ada.at_stripe().schedule)
    ada.move(END + timedelta(hours=2))
    assert "professional" == ada.shown.plan


def test_downgrade_then_upgrade_back_and_beyond(ada: Ada) -> None:
    """An upgrade gives up the downgrade that was pending."""
    ada.subscribe("professional")
    ada.move(START + HALF)
    ada.change("starter")
    ada.change("enterprise")
    assert ("enterprise", None, None) == (
        ada.shown.plan,
        ada.shown.pending_plan,
        ada.at_stripe().schedule,
    )
    ada.change("professional")
    assert ("enterprise", "professional") == (ada.shown.plan, ada.shown.pending_plan)
    ada.move(END + timedelta(hours=2))
    assert ("professional", 9900) == (ada.shown.plan, ada.invoices()[0].total)


def test_an_upgrade_in_the_trial_holds_at_once_and_costs_nothing(ada: Ada) -> None:
    """Also with a card that would decline: nothing is due."""
    ada.subscribe("starter", trial_days=14)
    ada.pay_with(DECLINES)
    preview = ada.plans.preview("ada", "professional", ada.now)
    ada.change("professional")
    assert (0, 9900, "professional", Status.TRIALING, [0]) == (
        preview.due_now,
        preview.next_total,
        ada.shown.plan,
        ada.shown.status,
        [each.total for each in ada.invoices()],
    )


def test_a_downgrade_in_the_trial_holds_from_its_end(ada: Ada) -> None:
    """The first month that is paid for is the lower plan's."""
    ada.subscribe("professional", trial_days=14)
    ada.change("starter")
    assert ("professional", "starter") == (ada.shown.plan, ada.shown.pending_plan)
    ada.move(START + HALF + timedelta(hours=2))
    assert ("starter", Status.ACTIVE, 2900) == (ada.shown.plan, ada.shown.status, ada.invoices()[0].total)


def test_a_change_in_stripes_dashboard_ends_the_same(ada: Ada) -> None:
    """An upgrade there raises the limits and keeps the overage; a downgrade leaves the open period alone."""
    ada.subscribe("starter")
    ada.use("apiCalls", 1_100)
    items = ada.at_stripe()["items"].data
    prices = {
        plan: ada.sandbox.stripe.v1.prices.list({"lookup_keys": [each.price_lookup_key]}).data[0].id
        for plan, each in CATALOGUE.plans.items()
        if each.price
    }
    for plan in ("professional", "starter"):
        ada.sandbox.stripe.v1.subscriptions.update(
            ada.at_stripe().id, {"items": [{"id": items[0].id, "price": prices[plan]}]}
        )
        ada.hear()
    period = period_at(ada.user, ada.now, OFFER)
    assert ("starter", 10_000, {"apiCalls": 100}) == (
        ada.shown.plan,
        ada.shown.limits["apiCalls"],
        period.incurred,
    )
    ada.move(END + timedelta(hours=2))
    assert 1_000 == ada.shown.limits["apiCalls"]


def test_a_preview_changes_nothing(ada: Ada) -> None:
    """Neither at Stripe, nor in the ledger."""
    ada.subscribe("starter")
    assert isinstance(ada.table, MemoryTable)
    before = ({key: dict(row) for key, row in ada.table.rows.items()}, ada.at_stripe().to_dict())
    ada.plans.preview("ada", "professional", ada.now)
    assert before == (ada.table.rows, ada.at_stripe().to_dict())
    assert from_epoch(ada.invoices()[0].created) == START


def test_who_has_bought_nothing_has_nothing_to_decide(ada: Ada) -> None:
    """Neither do those who never came to Checkout."""
    for user in ("ada", "bob"):
        with pytest.raises(NoSubscriptionError):
            ada.plans.preview(user, "starter", ada.now)
        with pytest.raises(NoSubscriptionError):
            ada.ends.resume(user, None, ada.now, Patience(lambda: 60.0))
    assert ada.users.read("bob", ada.now).decision is None


def test_the_trail_says_who_and_what(ada: Ada) -> None:
    """Plan, customer and amount stand in every entry, and decisions are the user's."""
    ada.subscribe("starter")
    for day, plan in enumerate(("professional", "starter"), start=1):
        ada.move(START + timedelta(days=day))
        ada.change(plan)
    told = [(each.actor, each.action, each.details["after"]) for each in ada.trail]
    assert [
        ("ada", "SUBSCRIPTION_UPDATED", "professional", ada.customer, "9900", "starter"),
        ("ada", "SUBSCRIPTION_UPDATED", "professional", ada.customer, "9900", None),
        ("stripe", "SUBSCRIPTION_CREATED", "starter", ada.customer, "2900", None),
    ] == [
        (actor, action, after["plan"], after["customer_id"], after["amount"], after.get("pending_plan"))
        for actor, action, after in told
    ]
