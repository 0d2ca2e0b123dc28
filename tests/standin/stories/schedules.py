"""Schedules, and each way in which one may end."""

from datetime import timedelta
from typing import Any

from stripe import SubscriptionSchedule

from tests.standin.harness import START, Sandbox, Shop

DAY = timedelta(days=1)


def downgrade(shop: Shop, **more: Any) -> SubscriptionSchedule:  # noqa: ANN401 - any parameter
    """A schedule that goes down to the small plan at the period's end."""
    api = shop.stripe.v1.subscription_schedules
    made = api.create({"from_subscription": shop.subscribe(shop.customer()).id})
    now = made.phases[0]
    phases: Any = [
        {
            "items": [{"price": shop.large.id, "quantity": 1}],
            "start_date": now.start_date,
            "end_date": now.end_date,
        },
        {"items": [{"price": shop.small.id, "quantity": 1}], "duration": {"interval": "month"}},
    ]
    params: Any = {"phases": phases, **more}
    return api.update(made.id, params)


def schedules(sandbox: Sandbox, shop: Shop) -> None:
    """Some wait for their ends of every kind, one is released, one cancelled, and one made in a trial."""
    api = shop.stripe.v1.subscription_schedules
    downgrade(shop)
    downgrade(shop, end_behavior="cancel")
    downgrade(shop, end_behavior="none", metadata={"a": "b"})
    api.release(downgrade(shop).id)
    api.cancel(downgrade(shop).id)
    api.create({"from_subscription": shop.subscribe(shop.customer(), trial_period_days=3).id})
    api.list()
    sandbox.move(START + 70 * DAY)
    api.list({"expand": ["data.subscription", "data.customer"]})


STORIES = (schedules,)
