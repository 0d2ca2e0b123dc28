"""Test clocks: customers that live in a time of their own (docs.stripe.com/billing/testing/test-clocks)."""

import asyncio

from stripe import Customer, ListObject, Subscription
from stripe.params.test_helpers import (
    TestClockAdvanceParams,
    TestClockCreateParams,
    TestClockDeleteParams,
    TestClockListParams,
    TestClockRetrieveParams,
)
from stripe.test_helpers import TestClock

from infra.stripe_standin.account.shapes import deleted, make, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.clocks import agenda
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.server.lists import page
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions import subscription_status
from infra.stripe_standin.subscriptions.periods import end_after

routes = Routes()

LIFE = 30 * 24 * 3600
MOST_INTERVALS = 2
# Long enough that a caller sees `advancing` first and has to poll.
BREATH = 0.05


@routes.post("/v1/test_helpers/test_clocks", TestClockCreateParams)
def create(account: Account, params: TestClockCreateParams) -> TestClock:
    """Create a clock that stands at `frozen_time` (docs.stripe.com/api/test_clocks/create)."""
    now = account.now()
    clock = make(
        TestClock,
        id=new_id("clock"),
        created=now,
        deletes_after=now + LIFE,
        frozen_time=params["frozen_time"],
        name=params.get("name"),
        status="ready",
        status_details={},
    )
    return account.keep(clock)


@routes.get("/v1/test_helpers/test_clocks", TestClockListParams)
def listed(account: Account, params: TestClockListParams) -> ListObject[TestClock]:
    """List clocks (docs.stripe.com/api/test_clocks/list)."""
    return page(list(account.all(TestClock)), params, "/v1/test_helpers/test_clocks")


@routes.get("/v1/test_helpers/test_clocks/{clock}", TestClockRetrieveParams)
def retrieve(account: Account, _params: TestClockRetrieveParams, clock: str) -> TestClock:
    """Retrieve a clock, to poll until it is `ready` (docs.stripe.com/api/test_clocks/retrieve)."""
    return account.get(TestClock, clock)


@routes.post("/v1/test_helpers/test_clocks/{clock}/advance", TestClockAdvanceParams)
def advance(account: Account, params: TestClockAdvanceParams, clock: str) -> TestClock:
    """Start moving a clock forward; it is `ready` again later (docs.stripe.com/api/test_clocks/advance)."""
    known = account.get(TestClock, clock)
    target = params["frozen_time"]
    if known.status != "ready":
        raise RefusedError("The test clock is still advancing.", status=429, code="lock_timeout")
    if target <= known.frozen_time:
        raise RefusedError("A test clock only moves forward.", param="frozen_time")
    if target > _furthest(account, known):
        raise RefusedError(
            "You cannot advance a test clock by more than two intervals of its shortest subscription.",
            param="frozen_time",
        )
    known.status = "advancing"
    known.status_details = make(TestClock.StatusDetails, advancing={"target_frozen_time": target})
    account.background.spawn(_advance(account, known, target))
    return known


async def _advance(account: Account, clock: TestClock, target: int) -> None:
    """Go from due instant to due instant, so that each thing happens at its own time."""
    await asyncio.sleep(BREATH)
    while clock.frozen_time < target:
        following = agenda.next_due(account, clock.id)
        clock.frozen_time = target if following is None else min(max(following, clock.frozen_time), target)
        agenda.do_due(account, clock.id)
        await asyncio.sleep(0)
    clock.status = "ready"
    clock.status_details = make(TestClock.StatusDetails)
    account.emit("test_helpers.test_clock.ready", clock)


def _furthest(account: Account, clock: TestClock) -> int:
    """Two intervals of the shortest subscription on the clock; two years without any."""
    ends = []
    for subscription in account.all(Subscription):
        recurring = subscription.items.data[0].price.recurring
        if (
            subscription.test_clock == clock.id
            and subscription.status in subscription_status.LIVE
            and recurring
        ):
            end = clock.frozen_time
            for _ in range(MOST_INTERVALS):
                end = end_after(clock.frozen_time, recurring, end)
            ends.append(end)
    return min(ends, default=clock.frozen_time + 2 * 366 * 24 * 3600)


@routes.delete("/v1/test_helpers/test_clocks/{clock}", TestClockDeleteParams)
def delete(account: Account, _params: TestClockDeleteParams, clock: str) -> TestClock:
    """Delete a clock with its customers (docs.stripe.com/api/test_clocks/delete)."""
    known = account.get(TestClock, clock)
    for subscription in account.all(Subscription):
        if subscription.test_clock == clock and subscription.status in subscription_status.LIVE:
            subscription_status.end(account, subscription, reason="cancellation_requested")
    for customer in account.all(Customer):
        if customer.test_clock == clock:
            customer.deleted = True
    account.forget(known)
    return deleted(TestClock, clock)
