"""The sandbox clock, its stops, and test clocks."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import stripe as sdk
from stripe import Customer, test_helpers

from infra.stripe_standin.app import create_app
from infra.stripe_standin.clocks.sandbox_clock import SandboxClock, iso
from tests.standin.harness import START, Host, Sandbox, Shop

END = START + timedelta(days=28)


def test_clock_runs_until_it_is_set(host: Host) -> None:
    """A fresh clock is the wall clock; once set it stands."""
    with host.serving(create_app(clock=SandboxClock(), public_url=host.url)) as url:
        running = httpx.get(f"{url}/_sandbox/clock").json()
        target = iso(datetime.now(UTC) + timedelta(days=1))
        httpx.put(f"{url}/_sandbox/clock", json={"now": target})
        standing = httpx.get(f"{url}/_sandbox/clock").json()
    assert (False, {"now": target, "frozen": True}) == (running["frozen"], standing)


def test_clock_never_goes_back(sandbox: Sandbox) -> None:
    """Moving backward is refused."""
    answer = sandbox.put("clock", {"now": iso(START - timedelta(seconds=1))})
    assert (400, "sandbox_refused") == (answer.status_code, answer.json()["error"])


def test_clock_needs_a_time_zone(sandbox: Sandbox) -> None:
    """A time without a zone is refused."""
    assert sandbox.put("clock", {"now": "2026-12-24T00:00:00"}).status_code == 422


def test_move_stops_at_what_is_due_and_at_quarter_hours_after(sandbox: Sandbox, shop: Shop) -> None:
    """A renewal is a stop, then each quarter of an hour till well after its invoice is final."""
    shop.subscribe(shop.customer())
    stops = sandbox.move(END + timedelta(days=1))
    day = END.replace(hour=0, minute=0, second=0)
    quarters = [day + timedelta(minutes=15 * n) for n in range(49, 58)]
    final = END + timedelta(hours=1)
    assert [iso(stop) for stop in sorted([END, *quarters, final, END + timedelta(days=1)])] == stops


def test_hook_is_awaited_at_each_stop(sandbox: Sandbox, shop: Shop) -> None:
    """The caller's hook sees each stop, in order."""
    shop.subscribe(shop.customer())
    assert sandbox.move(END + timedelta(days=1)) == [iso(stop) for stop in sandbox.stops]


def test_clock_answers_while_it_moves(host: Host) -> None:
    """During a move the clock can be read: it stands at the stop whose work is being done."""
    reached, go_on = threading.Event(), threading.Event()
    target = START + timedelta(minutes=1)

    async def hold(_instant: datetime) -> None:
        reached.set()
        await asyncio.to_thread(go_on.wait, 5)

    app = create_app(clock=SandboxClock(START), public_url=host.url, on_stop=hold)
    with host.serving(app) as url:
        mover = threading.Thread(
            target=httpx.put, args=(f"{url}/_sandbox/clock",), kwargs={"json": {"now": iso(target)}}
        )
        mover.start()
        reached.wait(5)
        seen = httpx.get(f"{url}/_sandbox/clock").json()["now"]
        go_on.set()
        mover.join(5)
    assert iso(target) == seen


@pytest.fixture
def frozen(shop: Shop) -> test_helpers.TestClock:
    """A test clock standing at START."""
    return shop.stripe.v1.test_helpers.test_clocks.create({"frozen_time": int(START.timestamp())})


def advance(shop: Shop, clock: test_helpers.TestClock, instant: datetime) -> list[str]:
    """Advance a test clock and poll until it is ready; returns the statuses seen."""
    api = shop.stripe.v1.test_helpers.test_clocks
    seen = [api.advance(clock.id, {"frozen_time": int(instant.timestamp())}).status]
    deadline = time.monotonic() + 5
    while seen[-1] != "ready" and time.monotonic() < deadline:
        time.sleep(0.02)
        seen.append(api.retrieve(clock.id).status)
    return seen


def clocked(shop: Shop, clock: test_helpers.TestClock) -> Customer:
    """A customer on the test clock, subscribed."""
    customer = shop.customer(test_clock=clock.id)
    shop.subscribe(customer)
    return customer


def test_test_clock_drives_renewals(sandbox: Sandbox, shop: Shop, frozen: test_helpers.TestClock) -> None:
    """Advancing a test clock renews what lives on it, while the sandbox clock stands."""
    customer, other = clocked(shop, frozen), shop.customer()
    shop.subscribe(other)
    statuses = advance(shop, frozen, END + timedelta(hours=1))
    renewal = shop.invoices(customer)[-1]
    assert ("advancing", "ready", "paid", int(END.timestamp()), 1) == (
        statuses[0],
        statuses[-1],
        renewal.status,
        renewal.created,
        len(shop.invoices(other)),
    )
    assert iso(START) == sandbox.http.get("/_sandbox/clock").json()["now"]


def test_test_clock_takes_two_intervals_at_most(shop: Shop, frozen: test_helpers.TestClock) -> None:
    """A clock advances at most two intervals of its subscriptions at once."""
    clocked(shop, frozen)
    with pytest.raises(sdk.InvalidRequestError, match="two intervals"):
        advance(shop, frozen, START + timedelta(days=70))


def test_test_clock_only_moves_forward(shop: Shop, frozen: test_helpers.TestClock) -> None:
    """A clock cannot be set back."""
    with pytest.raises(sdk.InvalidRequestError, match="forward"):
        advance(shop, frozen, START)


def test_sandbox_clock_carries_test_clocks(
    sandbox: Sandbox, shop: Shop, frozen: test_helpers.TestClock
) -> None:
    """Moving the sandbox clock moves test clocks alike."""
    customer = clocked(shop, frozen)
    sandbox.move(END + timedelta(hours=1))
    assert ("paid", int((END + timedelta(hours=1)).timestamp())) == (
        shop.invoices(customer)[-1].status,
        shop.stripe.v1.test_helpers.test_clocks.retrieve(frozen.id).frozen_time,
    )


def test_deleted_test_clock_takes_its_customers(shop: Shop, frozen: test_helpers.TestClock) -> None:
    """With a clock go its customers."""
    customer = clocked(shop, frozen)
    shop.stripe.v1.test_helpers.test_clocks.delete(frozen.id)
    assert shop.stripe.v1.customers.retrieve(customer.id).deleted
