"""What Stripe's dashboard shows of a customer's day at the deployed stack."""

import uuid
from datetime import timedelta

from infra.local.customer import Customer, UsageRecord
from infra.local.places import Home, Stack
from infra.local.stack import stripe_client
from tests.e2e.callers import Callers, soon
from tollkeeper.catalogue import load
from tollkeeper.rules.metering import shown_at
from tollkeeper.rules.times import epoch, start_of_day

DAY = timedelta(days=1)


def test_the_dashboard_shows_a_customers_day(home: Home, stack: Stack, callers: Callers) -> None:
    """By the schedule, two hours after it: what was tracked and what was consumed, together."""
    customer = Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")
    customer.buy("professional", "4242424242424242")
    bought = next(each for each in customer.watch_for("trial") if each["status"] == "trialing")
    now = callers.now()
    customer.report([UsageRecord(f"call-{number}", "exports", now) for number in range(3)])
    assert 200 == callers.consume(customer.user_id, "exports", "one", 2).status_code
    assert 5 == soon(lambda: callers.usage(customer.user_id)["exports"], lambda used: used == 5)
    customer.move_clock(shown_at(now.date()))
    stripe = stripe_client(stack.stripe)
    (meter,) = (
        each.id
        for each in stripe.v1.billing.meters.list({"limit": 100}).data
        if each.event_name == load().metrics["exports"].usage_meter_name
    )

    def seen() -> list[float]:
        day = start_of_day(now.date())
        summaries = stripe.v1.billing.meters.event_summaries.list(
            meter,
            {"customer": bought["customerId"], "start_time": epoch(day), "end_time": epoch(day + DAY)},
        )
        return [each.aggregated_value for each in summaries.data]

    assert [5] == soon(seen, lambda found: found != [])
