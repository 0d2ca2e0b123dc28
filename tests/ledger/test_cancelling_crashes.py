"""Cancelling now may break off anywhere, or be done twice at one instant: all ends as if done once, in peace.

The case is the one with the most calls: Ada's subscription was renewed half an hour ago, the draft of that is
bound but not held yet, and she has used too much again. After it, what her draft charged is paid, what she
used since is charged apart, and nothing is charged twice.
"""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import END, OFFER, START, SUBSCRIPTION
from tests.fakes.cancelling import CANCELED, World
from tests.ledger.crashes import Crash, Moment, Outside
from tests.ledger.turns import Turns
from tollkeeper.ledger.bills import BillMovedError
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users
from tollkeeper.rules.bills import State
from tollkeeper.rules.subscriptions import Cause
from tollkeeper.rules.times import SECOND
from tollkeeper.subscriptions.synchronisation import Trigger, give_up

MOMENTS = list(Moment)
MONTH = int((END - START).total_seconds())
CANCELED_ON = CANCELED.replace(microsecond=0)
CALLS = [
    "query PERIOD…PROFILE",
    # what Stripe says now
    "user_of",
    "query PERIOD…PROFILE",
    "subscriptions_of",
    "transact 0 puts, 1 changes",
    # the draft is held, charged and released, finalised at once, and seen to be paid
    "query BILL…BILL$",
    "invoice",
    "finalize_at",
    "invoice",
    "transact 0 puts, 1 changes",
    "add_lines",
    "invoice",
    "transact 0 puts, 1 changes",
    "finalize_at",
    "invoice",
    "transact 0 puts, 1 changes",
    "finalize_invoice",
    "invoice",
    "invoice",
    "transact 1 puts, 1 changes",
    # the user's decision
    "query PERIOD…PROFILE",
    "transact 1 puts, 3 changes",
    # which Stripe is told, and says done
    "user_of",
    "query PERIOD…PROFILE",
    "subscriptions_of",
    "cancel_subscription",
    "query PERIOD…PROFILE",
    "subscriptions_of",
    "transact 1 puts, 2 changes",
]
"""Every outside call, without what is asked of Stripe: whoever adds one sees this fail."""

DECIDED = CALLS.index("transact 1 puts, 3 changes")
POINTS = [*product(range(len(CALLS)), MOMENTS)]


def held() -> World:
    """Ada's, who has a draft that is bound, and has used too much in both periods."""
    world = World()
    world.hold(State.BOUND)
    return world


def is_decided(point: int, moment: Moment) -> bool:
    """Whether Ada's decision was written when the process died."""
    return (point, moment is Moment.AFTER) >= (DECIDED, True)


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, object]:
    """How it ends when nobody dies."""
    world = held()
    world.cancel()
    world.settle()
    return world.outcome()


def test_undisturbed_it_ends_as_it_should() -> None:
    """One cancelling, one period that ends then, and each overage on one invoice."""
    world = held()
    world.cancel()
    world.settle()
    assert [(SUBSCRIPTION.id, Cause.REQUESTED)] == world.stripe.canceled
    assert [(START, END, 10_100), (END, CANCELED_ON, 10_050)] == [
        (each.start, each.end, each.used["apiCalls"]) for each in world.paid_periods
    ]
    assert [("in_renewal_1", 100, 100), ("in_own_2", 50, 50)] == world.charged


def test_every_outside_call_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """One run makes just the calls at which the other tests let it die."""
    outside = Outside()
    held().cancel(outside)
    told = [each if each.startswith(("query", "transact")) else each.split()[0] for each in outside.calls]
    with capsys.disabled():
        print(f"\nCancelling now: {len(told)} crash points, each before and after")  # noqa: T201
    assert CALLS == told


@pytest.mark.parametrize(("point", "moment"), POINTS)
def test_a_crash_changes_nothing(undisturbed: dict[str, object], point: int, moment: Moment) -> None:
    """The user has got no answer, and cancels again."""
    world = held()
    with pytest.raises(Crash):
        world.cancel(Outside(point, moment))
    world.cancel()
    world.settle()
    assert undisturbed == world.outcome()


@pytest.mark.parametrize("first", POINTS)
def test_two_crashes_change_nothing(undisturbed: dict[str, object], first: tuple[int, Moment]) -> None:
    """Dying twice, at any two points, is no different."""
    for second in POINTS:
        world = held()
        with pytest.raises(Crash):
            world.cancel(Outside(*first))
        try:
            world.cancel(Outside(*second))
        except Crash:
            world.cancel()
            world.settle()
            assert undisturbed == world.outcome()
        else:
            break  # a second run has fewer calls to die at, as far as the first came


@pytest.mark.parametrize(("point", "moment"), POINTS)
def test_a_user_who_does_not_come_back_has_cancelled_or_not(point: int, moment: Moment) -> None:
    """Once it was decided, whoever hears of the user next carries it out; before, all goes on as it was.

    The reporter has closed what ended by then, and Stripe still showed a subscription that lived.
    """
    world = held()
    with pytest.raises(Crash):
        world.cancel(Outside(point, moment))
    world.settle(hours=2)
    world.use("apiCalls", 20_000)
    world.hear()
    world.settle(hours=8)
    paid = [(each.start, each.end, each.used["apiCalls"]) for each in world.paid_periods]
    lines = Counter(amount for _, _, amount in world.charged)
    if is_decided(point, moment):
        assert [(START, END, 10_100), (END, CANCELED_ON, 10_050)] == paid
        assert {100: 1, 50: 1} == lines
        assert [] == [each for each in world.stripe.held if each.is_live]
    else:
        assert [(START, END, 10_100), (END, world.stripe.held[0].period_end, 30_050)] == paid
        assert {100: 1} == lines
        assert [True] == [each.is_live for each in world.stripe.held]


@pytest.mark.parametrize(("point", "moment"), [each for each in POINTS if is_decided(*each)])
def test_a_crash_gives_no_fresh_allowance(point: int, moment: Moment) -> None:
    """What the user may do after the decision is what is free in that month, however it goes on."""
    world = held()
    with pytest.raises(Crash):
        world.cancel(Outside(point, moment))
    allowed = sum(world.consume("aiQueries").barrier is None for _ in range(6))
    world.settle(hours=2)
    allowed += sum(world.consume("aiQueries").barrier is None for _ in range(6))
    world.cancel()
    allowed += sum(world.consume("aiQueries").barrier is None for _ in range(6))
    world.settle()
    assert OFFER.free(CANCELED).limits["aiQueries"] == allowed
    assert {100: 1, 50: 1} == Counter(amount for _, _, amount in world.charged)


SCHEDULES = st.lists(st.integers(0, 1), max_size=60)


@settings(max_examples=150, deadline=None)
@given(SCHEDULES)
def test_cancelled_twice_at_one_instant_it_is_cancelled_once(schedule: list[int]) -> None:
    """In whatever order both go on: a double click, or two windows."""
    world = held()

    def cancel(table: Table) -> None:
        assert world.cancel(table=table).ended_at

    Turns(world.table, [cancel, cancel]).take(schedule)
    world.settle()
    assert {(SUBSCRIPTION.id, Cause.REQUESTED)} == set(world.stripe.canceled)
    assert [(START, END), (END, CANCELED_ON)] == [(each.start, each.end) for each in world.paid_periods]
    assert {100: 1, 50: 1} == Counter(amount for _, _, amount in world.charged)
    told = Counter(each.split()[0] for each in world.trail())
    assert (1, 2) == (told["SUBSCRIPTION_CANCELED"], told["OVERAGE_CHARGED"])


@settings(max_examples=150, deadline=None)
@given(SCHEDULES)
def test_the_reporter_may_be_at_the_same_draft(schedule: list[int]) -> None:
    """In whatever order both go on, each overage is charged once."""
    world = held()

    def cancel(table: Table) -> None:
        assert world.cancel(table=table).ended_at

    def report(table: Table) -> None:
        with suppress(BillMovedError):
            world.report(table)

    Turns(world.table, [cancel, report]).take(schedule)
    world.settle()
    assert [(START, END), (END, CANCELED_ON)] == [(each.start, each.end) for each in world.paid_periods]
    assert {100: 1, 50: 1} == Counter(amount for _, _, amount in world.charged)


@settings(max_examples=150, deadline=None)
@given(SCHEDULES)
def test_every_yes_counts_where_it_was_given(schedule: list[int]) -> None:
    """Who consumes while they cancel gets yeses of the period that ends, then of the month: none is lost."""
    world = World()
    yeses: list[str | None] = []

    def cancel(table: Table) -> None:
        world.cancel(table=table)

    def consume(table: Table) -> None:
        for _ in range(8):
            seen = world.consume("exports", table=table)
            yeses.extend([seen.period.subscription_id] if seen.barrier is None else [])

    Turns(world.table, [cancel, consume]).take(schedule)
    paid, month = yeses.count(SUBSCRIPTION.id), yeses.count(None)
    assert [SUBSCRIPTION.id] * paid + [None] * month == yeses
    counted = Counter({each.subscription_id: each.used.get("exports", 0) for each in world.periods})
    assert (paid, month) == (counted[SUBSCRIPTION.id], counted[None])


@settings(max_examples=200, deadline=None)
@given(
    decided=st.integers(0, 2) | st.integers(-2, 2).map(lambda off: MONTH + off) | st.integers(0, 40 * 86_400),
    heard_after=st.integers(0, 20 * 86_400),
    renewed=st.booleans(),
    reported=st.booleans(),
    used=st.integers(0, 20_000),
)
def test_whenever_stripe_hears_of_it_the_story_is_the_same(
    *, decided: int, heard_after: int, renewed: bool, reported: bool, used: int
) -> None:
    """One period ends when the user said so, nothing of the subscription begins after it, usage stays.

    Also where Stripe hears of it long after, when the period was closed, or has not renewed what was over.
    """
    world = World()
    world.now = START
    at = START + timedelta(seconds=decided)
    is_over = at >= END
    world.wait(at)
    if is_over and renewed:
        world.stripe.renew(SUBSCRIPTION.id)
        world.hear()
    world.use("apiCalls", used)
    known = world.subscription
    assert known
    give_up("ada", known, Users(world.table), OFFER, Trigger(at, actor="ada"))
    if is_over and not renewed:
        world.stripe.renew(SUBSCRIPTION.id)
    world.now = world.stripe.now = at + timedelta(seconds=heard_after)
    if not is_over and world.now >= END:
        world.stripe.renew(SUBSCRIPTION.id)  # nobody has told it
    if reported:
        world.report()
    world.hear()
    world.settle(hours=9)
    last = world.paid_periods[-1]
    assert (max(at, last.start + SECOND), used) == (last.end, last.used.get("apiCalls", 0))
    assert [START, END][: 1 + is_over] == [each.start for each in world.paid_periods]
    over = max(0, used - 10_000)
    assert ([over] if over else []) == [amount for _, _, amount in world.charged]
