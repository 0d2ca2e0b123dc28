"""What a customer decides within a month, and what the month's overage comes to on the invoice."""

from datetime import timedelta

import pytest

from tests.ledger.billing_house import DAY, END, HOUR, MINUTE, OFFER, House, endless
from tollkeeper.ledger.decisions import Decisions
from tollkeeper.ledger.users import Users
from tollkeeper.rules.users import period_at
from tollkeeper.subscriptions.deciding import Deciding
from tollkeeper.subscriptions.plan_changes import PlanChanges

BEFORE_THE_END = -10 * DAY


def change(house: House, plan: str) -> None:
    """Let Ada change her plan now."""
    deciding = Deciding(Users(house.table), Decisions(house.table), house.stripe, OFFER, "live")
    PlanChanges(deciding).change("ada", plan, None, house.now, endless())


def charged(house: House) -> dict[str, tuple[int, int]]:
    """Return what is asked of Ada in the end, by metric: quantity and cents."""
    house.go_on(2 * HOUR)
    metrics = {each.id: each.metric for each in house.bill().charges or ()}
    return {metrics[line.charge_id]: (line.quantity, line.amount) for line in house.final_lines()}


def test_overage_before_an_upgrade_is_charged_once() -> None:
    """500 calls were over the starter's limit; the professional's is whole, and 7 go over that."""
    house = House().at(BEFORE_THE_END)
    house.use(units={"apiCalls": 1_500})
    change(house, "professional")
    house.use(units={"apiCalls": 9_007}, at=house.now + MINUTE)
    house.renew()
    assert {"apiCalls": (507, 507)} == charged(house)


@pytest.mark.parametrize("plan", ["professional", "enterprise"])
def test_an_upgrade_loses_nothing_that_was_owed(plan: str) -> None:
    """Not even where nothing is limited any more."""
    house = House().at(BEFORE_THE_END)
    house.use()
    change(house, plan)
    house.use(units={"apiCalls": 500}, at=house.now + MINUTE)
    house.renew()
    assert {"apiCalls": (500, 500), "aiQueries": (20, 200), "exports": (10, 500)} == charged(house)


def test_a_downgrade_charges_the_month_by_the_plan_it_was_of() -> None:
    """What the professional includes is free until the end, and the next month is the starter's."""
    house = House(users=())
    house.subscribe("ada", "professional")
    house.at(BEFORE_THE_END)
    change(house, "starter")
    house.use(units={"apiCalls": 10_003, "exports": 60})
    house.renew()
    assert {"apiCalls": (3, 3)} == charged(house)
    user = Users(house.table).read("ada", house.now)
    assert ("starter", 1_000) == (
        period_at(user, house.now, OFFER).terms.plan,
        period_at(user, house.now, OFFER).terms.limits["apiCalls"],
    )


def test_what_is_used_before_the_renewal_is_heard_of_is_of_the_plan_to_come() -> None:
    """The month has ended, Stripe's word has not come: the limits are the starter's already."""
    house = House(users=())
    house.subscribe("ada", "professional")
    house.at(BEFORE_THE_END)
    change(house, "starter")
    house.renew(hears=False)
    house.at(5 * MINUTE)
    house.use(units={"apiCalls": 1_001})
    user = Users(house.table).read("ada", house.now)
    assert ("starter", None) == (
        period_at(user, house.now, OFFER).terms.plan,
        period_at(user, house.now, OFFER).end,
    )
    house.hear()
    user = Users(house.table).read("ada", house.now)
    held = period_at(user, house.now, OFFER)
    assert ("starter", END, 1_001) == (held.terms.plan, held.start, held.used["apiCalls"])


def test_an_upgrade_while_the_draft_is_held_leaves_the_month_before_alone() -> None:
    """Usage has not settled, the renewal's draft waits: what was over the starter's limits goes onto it."""
    house = House()
    house.use()
    house.renew()
    house.queue.is_clear = False
    house.go_on(HOUR)
    change(house, "enterprise")
    house.queue.is_clear = True
    house.go_on(timedelta(hours=6))
    assert [200, 500, 500] == house.cents()
