"""What a subscription gives its user, and which one counts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import END, NOW, START, SUBSCRIPTION
from tollkeeper.rules.subscriptions import Cause, Status, Subscription, choose, effective_plan, to_cancel

TICK = timedelta.resolution
LIVE = {"trialing", "active", "past_due", "unpaid", "paused"}

# Few ids and moments, so that many are created at the same one.
subscriptions = st.builds(
    replace,
    st.just(SUBSCRIPTION),
    id=st.sampled_from([f"sub_{number}" for number in range(8)]),
    status=st.sampled_from(Status),
    created=st.integers(0, 3).map(lambda days: START + timedelta(days=days)),
)
lists = st.lists(subscriptions, max_size=6, unique_by=lambda each: each.id)


def created(days: int, status: Status) -> Subscription:
    """A subscription created so many days after the first."""
    return replace(SUBSCRIPTION, id=f"sub_{days}", created=START + timedelta(days=days), status=status)


@given(lists.flatmap(lambda all_of_them: st.tuples(st.just(all_of_them), st.permutations(all_of_them))))
def test_the_choice_does_not_depend_on_the_order(
    orders: tuple[Sequence[Subscription], Sequence[Subscription]],
) -> None:
    """However Stripe lists them, the same subscription counts."""
    one, other = orders
    assert choose(one) == choose(other)


@given(lists)
def test_a_live_subscription_counts_before_any_other(found: Sequence[Subscription]) -> None:
    """If any lives the chosen one does, and none that lives is older."""
    chosen = choose(found)
    live = [each.created for each in found if each.status in LIVE]
    assert (min(live) if live else None) == (chosen.created if chosen and chosen.is_live else None)


@given(lists)
def test_without_a_live_one_the_newest_counts(found: Sequence[Subscription]) -> None:
    """Of those that ended or never began, the one created last is shown."""
    dead = [each for each in found if each.status not in LIVE]
    chosen = choose(dead)
    assert max((each.created for each in dead), default=None) == (chosen.created if chosen else None)


def test_the_oldest_live_subscription_counts() -> None:
    """A second live one never takes over, and a newer one that ended is none."""
    found = [created(1, Status.CANCELED), created(4, Status.CANCELED), created(3, Status.ACTIVE)]
    assert created(2, Status.TRIALING) == choose([*found, created(2, Status.TRIALING)])


@given(lists)
def test_one_live_subscription_is_left(found: Sequence[Subscription]) -> None:
    """The one that counts stays; all others that live are duplicates, and what has ended is left alone."""
    live = {each.id for each in found if each.status in LIVE}
    chosen = choose(found)
    kept = {chosen.id} & live if chosen else set()
    assert dict.fromkeys(live - kept, Cause.DUPLICATE) == to_cancel(found)


@given(lists.flatmap(lambda all_of_them: st.tuples(st.just(all_of_them), st.permutations(all_of_them))))
def test_what_is_cancelled_does_not_depend_on_the_order(
    orders: tuple[Sequence[Subscription], Sequence[Subscription]],
) -> None:
    """However Stripe lists them, and whoever looks, the same one stays."""
    one, other = orders
    assert to_cancel(one) == to_cancel(other)


def test_a_first_charge_that_failed_ends_it_though_it_is_the_only_one() -> None:
    """There is no grace after a trial."""
    failed = replace(SUBSCRIPTION, status=Status.PAST_DUE, first_charge_failed=True)
    assert {"sub_ada": Cause.FIRST_CHARGE_FAILED} == to_cancel([failed])


def test_beside_a_first_charge_that_failed_the_next_oldest_stays() -> None:
    """It is no duplicate of what must end."""
    failed = replace(created(1, Status.PAST_DUE), first_charge_failed=True)
    found = [failed, created(2, Status.ACTIVE), created(3, Status.ACTIVE)]
    assert {"sub_1": Cause.FIRST_CHARGE_FAILED, "sub_3": Cause.DUPLICATE} == to_cancel(found)


@pytest.mark.parametrize("status", Status)
def test_status_says_whether_it_is_live(status: Status) -> None:
    """A subscription lives from its first payment or trial until it is cancelled."""
    assert (status in LIVE) == replace(SUBSCRIPTION, status=status).is_live


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.PAST_DUE])
def test_status_decides_the_plan(status: Status) -> None:
    """Trialing and active have the use of their plan; whatever else is not past due has what is free."""
    expected = "professional" if status in {"trialing", "active"} else "free"
    assert expected == effective_plan(replace(SUBSCRIPTION, status=status), NOW)


@pytest.mark.parametrize(
    ("since", "plan"),
    [
        pytest.param(timedelta(0), "professional", id="just now"),
        pytest.param(timedelta(days=7) - TICK, "professional", id="almost seven days"),
        pytest.param(timedelta(days=7), "free", id="seven days"),
        pytest.param(timedelta(days=30), "free", id="a month"),
    ],
)
def test_past_due_keeps_the_plan_for_seven_days(since: timedelta, plan: str) -> None:
    """The grace ends seven days after the invoice failed, to the moment."""
    past_due = replace(SUBSCRIPTION, status=Status.PAST_DUE, past_due_since=NOW - since)
    assert plan == effective_plan(past_due, NOW)


def test_past_due_since_nobody_knows_when_has_no_grace() -> None:
    """Without the time of the failure there is nothing to count seven days from."""
    assert "free" == effective_plan(replace(SUBSCRIPTION, status=Status.PAST_DUE), NOW)


def test_without_a_subscription_the_plan_is_free() -> None:
    """Everybody has what is free."""
    assert "free" == effective_plan(None, NOW)


@pytest.mark.parametrize("status", Status)
def test_only_trialing_is_a_trial(status: Status) -> None:
    """The trial is Stripe's status, not a date that has passed or not."""
    assert (status == "trialing") == replace(SUBSCRIPTION, status=status, trial_end=END).in_trial


@pytest.mark.parametrize(
    ("ended", "end"),
    [
        pytest.param(None, END, id="goes on"),
        pytest.param(NOW, NOW, id="cancelled inside"),
        pytest.param(END, END, id="ended with its period"),
        pytest.param(END + timedelta(days=3), END, id="ended after it"),
        pytest.param(START - timedelta(days=3), START, id="ended before it"),
    ],
)
def test_an_ended_subscription_cuts_its_period_short(ended: datetime | None, end: datetime) -> None:
    """The period ends where the subscription did, and never before it starts."""
    assert (START, end) == replace(SUBSCRIPTION, ended_at=ended).bounds


@pytest.mark.parametrize("cancel_at", [START, NOW, END, END + timedelta(days=3)])
def test_a_subscription_that_is_to_end_keeps_its_period_until_it_has(cancel_at: datetime) -> None:
    """Stripe may yet be told otherwise; what its user gave up alone has ended before Stripe says so."""
    to_end = replace(SUBSCRIPTION, cancel_at=cancel_at)
    given_up = replace(to_end, canceled_for=Cause.REQUESTED)
    ends = max(START + timedelta(seconds=1), min(cancel_at, END))
    assert ((START, END), (START, ends)) == (to_end.bounds, given_up.bounds)


@pytest.mark.parametrize(
    ("cancel_at", "renews"),
    [(None, True), (NOW, False), (END, False), (END + TICK, True)],
)
def test_a_live_subscription_renews_unless_it_ends_with_its_period(
    *, cancel_at: datetime | None, renews: bool
) -> None:
    """A period follows unless the subscription is known to end at this one's end or before."""
    assert renews == replace(SUBSCRIPTION, cancel_at=cancel_at).renews


@pytest.mark.parametrize("status", Status)
def test_it_has_begun_if_it_lives_or_lived(status: Status) -> None:
    """One that expired before its first payment ended too, and never was."""
    expected = status in LIVE or status == "canceled"
    assert expected == replace(SUBSCRIPTION, status=status, ended_at=NOW).has_begun


@pytest.mark.parametrize("status", [each for each in Status if each not in LIVE])
def test_what_does_not_live_does_not_renew(status: Status) -> None:
    """No period follows a subscription that never began or has ended."""
    assert not replace(SUBSCRIPTION, status=status).renews
