"""What becomes of a subscription, its periods and its drafts when its user cancels now."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.examples import END, NOW, OFFER, START, SUBSCRIPTION
from tests.fakes.cancelling import CANCELED, Patient, World, actions
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.users import Users
from tollkeeper.periods.finishing import MOST_LOOKS, SECONDS_BETWEEN
from tollkeeper.rules.bills import State
from tollkeeper.rules.periods import calendar_month
from tollkeeper.rules.subscriptions import Cause, Status
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.subscriptions.errors import NoSubscriptionError
from tollkeeper.subscriptions.synchronisation import Trigger, end_forgotten, give_up
from tollkeeper.views.subscription import overview

SECOND = timedelta(seconds=1)
TRIAL = replace(SUBSCRIPTION, status=Status.TRIALING, trial_end=END)


@pytest.fixture
def world() -> World:
    """Ada's, in the middle of her period."""
    return World()


def given_up(world: World) -> None:
    """Let Ada's decision be written, and the process die before Stripe hears of it."""
    subscription = world.subscription
    assert subscription
    give_up("ada", subscription, Users(world.table), OFFER, Trigger(world.now, actor="ada"))


# What it does.


def test_it_ends_at_once(world: World) -> None:
    """Stripe has ended the subscription, for its user's sake, and so says the user's row."""
    canceled = world.cancel()
    assert (Status.CANCELED, NOW, Cause.REQUESTED) == (
        canceled.status,
        canceled.ended_at,
        canceled.canceled_for,
    )
    assert canceled == world.subscription
    assert [(SUBSCRIPTION.id, Cause.REQUESTED)] == world.stripe.canceled


def test_its_period_ends_with_it(world: World) -> None:
    """It holds what was used in it, and what is used from then on falls into the calendar month."""
    world.use("apiCalls", 7)
    world.cancel()
    assert [(START, NOW, {"apiCalls": 7})] == [
        (each.start, each.end, each.used) for each in world.paid_periods
    ]
    seen = world.consume("apiCalls")
    assert (calendar_month(NOW)[0], None, "free") == (
        seen.period.start,
        seen.period.subscription_id,
        seen.terms.plan,
    )


def test_what_was_used_is_charged_apart(world: World) -> None:
    """When its usage has settled the period closes, and its overage goes onto an invoice of its own."""
    world.use("apiCalls", 10_100)
    world.cancel()
    world.settle()
    assert [("in_own_1", 100, 100)] == world.charged


def test_usage_on_its_way_is_waited_for(world: World) -> None:
    """What was accepted before, and is counted afterwards, is charged as well (bencher#951)."""
    world.use("apiCalls", 10_000)
    used_at = NOW - timedelta(minutes=1)
    world.cancel()
    world.queue.busy = True
    world.settle(hours=1)
    assert [] == world.charged
    world.use("apiCalls", 30, at=used_at)
    world.queue.busy = False
    world.settle()
    assert [("in_own_1", 30, 30)] == world.charged


def test_it_is_audited_as_the_users_doing(world: World) -> None:
    """The trail says that the user decided, and when Stripe had done it."""
    world.cancel()
    assert ["SUBSCRIPTION_CANCELED ada", "SUBSCRIPTION_CREATED stripe", "SUBSCRIPTION_UPDATED ada"] == [
        " ".join(each.split()[:2]) for each in world.trail()
    ]


def test_it_is_announced(world: World) -> None:
    """Whoever switches features hears that it is about to end, and that it has ended."""
    world.cancel()
    assert ["subscription.activated", "subscription.canceled", "subscription.changed"] == sorted(
        str(row["kind"]) for row in world.rows("ANNOUNCEMENT")
    )


# Who may.


def test_who_has_no_customer_has_nothing_to_cancel(world: World) -> None:
    """There is an error of its own for it."""
    world.table = type(world.table)()
    with pytest.raises(NoSubscriptionError):
        world.cancel()


def test_who_never_paid_first_has_nothing_to_cancel(world: World) -> None:
    """A subscription whose first payment never came has not begun."""
    world.stripe.held = [replace(SUBSCRIPTION, status=Status.INCOMPLETE)]
    with pytest.raises(NoSubscriptionError):
        world.cancel()


def test_who_subscribed_unheard_of_can_cancel(world: World) -> None:
    """Stripe is asked first: the row may be stale, and know of another subscription or period."""
    world.stripe.held = [replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW - 2 * SECOND)]
    world.stripe.held.append(
        replace(SUBSCRIPTION, id="sub_new", created=NOW - SECOND, period_start=NOW - SECOND)
    )
    assert "sub_new" == world.cancel().id
    assert [NOW - 2 * SECOND, NOW] == [each.end for each in world.paid_periods]


def test_who_has_cancelled_is_answered_the_same(world: World) -> None:
    """Cancelling again, also later, changes nothing."""
    first, outcome = world.cancel(), world.outcome()
    world.now += timedelta(hours=1)
    assert first == world.cancel()
    assert outcome == world.outcome()


def test_one_that_ended_by_itself_is_answered_likewise(world: World) -> None:
    """Nothing is cancelled then."""
    world.stripe.held = [replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)]
    assert NOW == world.cancel().ended_at
    assert [] == world.stripe.canceled


@pytest.mark.parametrize("status", [Status.PAST_DUE, Status.UNPAID, Status.PAUSED])
def test_one_that_is_not_paid_can_be_cancelled(status: Status) -> None:
    """Its period ends, and what was used in it is charged."""
    world = World(replace(SUBSCRIPTION, status=status, past_due_since=NOW))
    world.use("apiCalls", 10_001)
    world.cancel()
    world.settle()
    assert [("in_own_1", 1, 1)] == world.charged


def test_a_trial_can_be_cancelled() -> None:
    """It ends, and nothing is charged for it."""
    world = World(TRIAL)
    world.use("apiCalls", 10_001)
    world.cancel()
    world.settle()
    assert ([NOW], []) == ([each.end for each in world.paid_periods], world.charged)


def test_while_stripe_is_down_nothing_is_decided(world: World) -> None:
    """The user tries again, and goes on consuming meanwhile."""
    world.stripe.is_down = True
    with pytest.raises(StripeUnavailableError):
        world.cancel()
    assert [END] == [each.end for each in world.paid_periods]


# Where Stripe has not renewed yet what should be renewed.


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.TRIALING])
@pytest.mark.parametrize("used", [0, 10_005])
def test_a_provisional_period_ends_as_well(status: Status, used: int) -> None:
    """If Stripe renews before it hears of the cancelling, what was used since is charged; once."""
    world = World(replace(SUBSCRIPTION, status=status, trial_end=END if status is Status.TRIALING else None))
    world.wait(END + 10 * SECOND)
    if used:
        world.use("apiCalls", used)
    given_up(world)
    assert "free" == world.consume("apiCalls").terms.plan
    world.stripe.renew(SUBSCRIPTION.id)
    world.stripe.held[0] = replace(world.stripe.held[0], status=Status.ACTIVE)
    world.hear()
    world.settle()
    assert [(START, END), (END, END + 10 * SECOND)] == [(each.start, each.end) for each in world.paid_periods]
    assert ([("in_own_2", 5, 5)] if used else []) == world.charged


def test_a_provisional_period_that_stripe_never_began_is_none(world: World) -> None:
    """What was used in it is audited, and billed to nobody."""
    world.wait(END + 10 * SECOND)
    world.use("apiCalls", 10_005)
    world.cancel()
    world.settle()
    assert [(START, END)] == [(each.start, each.end) for each in world.paid_periods]
    assert [] == world.charged
    assert "USAGE_UNBILLED" in actions(world.trail())


# Between the decision and Stripe.


def test_a_decision_stands_before_stripe_hears_it(world: World) -> None:
    """The user is shown as having no plan, and consumes as one who has none."""
    given_up(world)
    view = overview(Users(world.table).read("ada", NOW), OFFER, NOW)
    assert ("free", 0, NOW) == (view.plan, view.projected_total, view.cancel_at)
    assert [True, False] == [world.consume("exports", units).barrier is None for units in (5, 1)]


def test_whoever_asks_next_has_stripe_do_it(world: World) -> None:
    """A webhook, the sweep or the user: what the user gave up is not taken for going on."""
    given_up(world)
    world.now += timedelta(hours=5)
    world.stripe.now = world.now
    world.hear()
    assert [(SUBSCRIPTION.id, Cause.REQUESTED)] == world.stripe.canceled
    assert [NOW] == [each.end for each in world.paid_periods]


def test_it_is_looked_at_soon(world: World) -> None:
    """Who died between leaves the user among those whom the sweep asks about."""
    given_up(world)
    assert ["ada"] == [*Users(world.table).unheard_of(NOW + timedelta(minutes=10))]
    world.hear()
    assert [] == [*Users(world.table).unheard_of(NOW + timedelta(days=99))]


def test_a_renewal_that_stripe_made_meanwhile_is_none(world: World) -> None:
    """Who gave it up minutes before its period's end has no other period, though Stripe had begun one."""
    world.wait(END - timedelta(minutes=5))
    at = world.now
    given_up(world)
    world.wait(END + timedelta(hours=1))
    world.stripe.renew(SUBSCRIPTION.id)
    world.hear()
    assert [(START, at)] == [(each.start, each.end) for each in world.paid_periods]
    assert "free" == world.consume("apiCalls").terms.plan


@pytest.mark.parametrize("by_us", [True, False])
def test_a_closed_period_begins_no_other(world: World, *, by_us: bool) -> None:
    """However late Stripe hears of it, and whoever ends it there: the limits are given once."""
    world.use("apiCalls", 10_100)
    given_up(world)
    world.settle(hours=2)
    if not by_us:
        world.stripe.held[0] = replace(world.stripe.held[0], status=Status.CANCELED, ended_at=world.now)
    world.hear()
    world.settle()
    world.hear()
    assert [(START, NOW)] == [(each.start, each.end) for each in world.paid_periods]
    assert [("in_own_1", 100, 100)] == world.charged


def test_a_new_subscription_takes_nothing_of_the_old_one(world: World) -> None:
    """Who subscribes again has a period of that; the one that was given up stays as it ended."""
    world.use("apiCalls", 10_100)
    given_up(world)
    world.settle(hours=2)
    world.hear()
    again = replace(SUBSCRIPTION, id="sub_new", created=world.now, period_start=world.now)
    world.stripe.held.append(again)
    world.hear()
    world.settle()
    assert [(START, NOW), (again.period_start, END)] == [
        (each.start, each.end) for each in world.paid_periods
    ]
    assert [("in_own_1", 100, 100)] == world.charged


def test_a_second_subscription_is_kept_if_the_first_was_given_up(world: World) -> None:
    """It is no duplicate of one that is about to end."""
    given_up(world)
    world.stripe.held.append(replace(SUBSCRIPTION, id="sub_new", created=NOW, period_start=NOW))
    world.hear()
    assert [(SUBSCRIPTION.id, Cause.REQUESTED)] == world.stripe.canceled
    assert world.subscription
    assert "sub_new" == world.subscription.id


def test_one_that_stripe_has_forgotten_ended_when_it_was_given_up(world: World) -> None:
    """Its customer was deleted before Stripe could be told."""
    given_up(world)
    end_forgotten("ada", Users(world.table), OFFER, Trigger(END))
    assert world.subscription
    assert (NOW, [NOW]) == (world.subscription.ended_at, [each.end for each in world.paid_periods])


# The draft that is held.


@pytest.mark.parametrize("state", [State.BOUND, State.HELD, State.RELEASED])
def test_a_held_draft_is_finished_first(world: World, state: State) -> None:
    """It is charged, finalised and paid; the period that goes on is charged apart."""
    world.hold(state)
    world.cancel()
    assert [("in_renewal_1", 100, 100)] == world.charged
    assert [State.AGREED] == [each.state for each in world.bills]
    world.settle()
    assert [("in_renewal_1", 100, 100), ("in_own_2", 50, 50)] == world.charged
    assert {State.AGREED} == {each.state for each in world.bills}


def test_a_draft_that_stripe_does_not_finalise_holds_nobody_up(world: World) -> None:
    """Its lines are taken off when it has stopped, and charged apart."""
    world.hold(State.HELD)
    world.stripe.finalises = False
    assert world.cancel().ended_at
    assert [State.RELEASED] == [each.state for each in world.bills]
    world.stripe.finalises = True
    world.settle()
    assert [50, 100] == sorted(amount for _, _, amount in world.charged)
    assert () == world.stripe.kept["in_renewal_1"].invoice.lines


def test_a_draft_that_stripe_does_not_show_holds_nobody_up(world: World) -> None:
    """What is wrong there rings, and is no reason to keep a user subscribed."""
    world.hold(State.HELD)
    world.change_bill(invoice_id="in_of_nobody")
    assert world.cancel().ended_at


def test_a_period_whose_usage_is_waited_for_holds_nobody_up(world: World) -> None:
    """Its draft stops, and what it turns out to owe is charged apart."""
    world.hold(State.HELD, settled=False)
    world.cancel()
    world.settle()
    assert [50, 100] == sorted(amount for _, _, amount in world.charged)
    assert {State.AGREED} == {each.state for each in world.bills}
    assert () == world.stripe.kept["in_renewal_1"].invoice.lines


def test_lines_that_are_wrong_hold_nobody_up(world: World) -> None:
    """A person has changed a line: it is not finalised, and what is due is charged apart."""
    world.hold(State.RELEASED)
    kept = world.stripe.kept["in_renewal_1"]
    line = kept.invoice.lines[0]
    kept.invoice = replace(
        kept.invoice, lines=(line, replace(line, id="il_twice")), finalizes_at=CANCELED + timedelta(days=1)
    )
    world.change_bill(state=State.CHARGED)
    world.cancel()
    world.settle()
    assert [50, 100] == sorted(amount for _, _, amount in world.charged)


@pytest.mark.parametrize("of_others", [{"subscription_id": "sub_other"}, {"is_own": True}])
def test_no_other_bill_is_touched(world: World, of_others: dict[str, object]) -> None:
    """Cancelling stops neither another subscription's draft nor an invoice that stands by itself."""
    bill = world.hold(State.BOUND)
    other = replace(bill, period_start=bill.period_start + SECOND, rev=0, **of_others)  # type: ignore[arg-type]
    other = Bills(world.table).write(None, other, NOW)
    world.cancel()
    assert other in world.bills


def test_the_reporter_may_be_at_it(world: World) -> None:
    """What it has written meanwhile is read again, and the draft is finished all the same."""
    world.hold(State.BOUND)

    def report() -> None:
        world.stripe.while_holding = lambda: None
        world.change_bill()

    world.stripe.while_holding = report
    world.cancel()
    assert [State.AGREED] == [each.state for each in world.bills]


def test_stripe_may_finalise_it_itself(world: World) -> None:
    """Then it refuses to do it again, and it is read that it is done."""
    world.hold(State.HELD)
    world.stripe.while_finalising = lambda: world.stripe.pass_time(END + timedelta(hours=2))
    world.cancel()
    assert [State.AGREED] == [each.state for each in world.bills]


def test_stripe_is_given_a_moment_to_collect(world: World) -> None:
    """An invoice that it does not collect in that time is left, for it is a person's to decide about."""
    world.hold(State.HELD)
    world.stripe.collects = False
    patience = Patient()
    world.cancel(patience=patience)
    assert (MOST_LOOKS - 1) * SECONDS_BETWEEN == patience.waited
    assert [State.AGREED] == [each.state for each in world.bills]


def test_who_has_no_time_waits_for_no_payment(world: World) -> None:
    """Then it is cancelled at once."""
    world.hold(State.HELD)
    world.stripe.collects = False
    assert world.cancel(patience=Patient(0.5)).ended_at
