"""What Stripe's word makes of a user's periods."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import CATALOGUE, END, NOW, OFFER, PERIOD, START, SUBSCRIPTION, USER
from tollkeeper.rules.binding import Binding, bind
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period, Stretch
from tollkeeper.rules.subscriptions import Cause, Status, Subscription, choose

DAY = timedelta(days=1)
NEXT_END = datetime(2026, 1, 3, 9, 30, 15, tzinfo=UTC)
PROVISIONAL = Period(END, None, SUBSCRIPTION.id, OFFER.terms("professional", END), used={"exports": 7})
RENEWED = replace(SUBSCRIPTION, period_start=END, period_end=NEXT_END)
TRIAL = replace(SUBSCRIPTION, status=Status.TRIALING, trial_end=END)
TRIED = replace(PERIOD, terms=OFFER.terms("professional", START, trial=True), used={"exports": 3})
CANCELLED = replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)
CALENDAR_NOVEMBER = Period(
    datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC), None, OFFER.free(START)
)


def closed(period: Period) -> Period:
    """The same period, closed some time after its end."""
    return replace(period, closed_at=(period.end or END) + DAY)


type Written = tuple[datetime, datetime | None, str, bool]


def binding(
    *said: Subscription, periods: Sequence[Period], at: datetime = NOW, offer: Offer = OFFER
) -> Binding:
    """What Stripe's word makes of Ada's periods: a first word, unless there are some."""
    user = replace(USER, periods=tuple(periods), subscription=SUBSCRIPTION if periods else None)
    chosen = choose(said)
    assert chosen
    return bind(user, said, chosen, offer, at)


def bound(*said: Subscription | Period, at: datetime = NOW) -> list[Written]:
    """What is written, the latest first: start, end, plan and whether it is billed."""
    periods = [each for each in said if isinstance(each, Period)]
    found = binding(*(each for each in said if isinstance(each, Subscription)), periods=periods, at=at)
    written = [each.after for each in found.periods]
    told = [(each.start, each.end, each.terms.plan, each.terms.billed) for each in written]
    return sorted(told, key=lambda each: each[0], reverse=True)


class TestBound:
    """What is written of periods when Stripe says where one starts and ends."""

    def test_a_new_period_pins_its_terms(self) -> None:
        """The first word of a period writes its bounds, and the plan it starts with."""
        assert [(START, END, "professional", True)] == bound(SUBSCRIPTION)

    def test_a_trial_is_not_billed(self) -> None:
        """The period of a trial is pinned as one."""
        assert [(START, END, "professional", False)] == bound(TRIAL)

    def test_a_provisional_period_gets_its_end_and_terms(self) -> None:
        """What was counted in advance is held to the plan that Stripe renewed."""
        renewed = replace(RENEWED, plan="starter")
        assert [(END, NEXT_END, "starter", True)] == bound(renewed, PROVISIONAL, PERIOD)

    def test_a_running_period_keeps_its_terms(self) -> None:
        """Said again after the catalogue was edited, a period keeps what it started with."""
        starter = replace(CATALOGUE.plans["professional"], limits=CATALOGUE.plans["starter"].limits)
        edited = replace(CATALOGUE, plans={**CATALOGUE.plans, "professional": starter})
        again = binding(SUBSCRIPTION, periods=[PERIOD], offer=Offer(edited, OFFER.bill_overage_from))
        assert () == again.periods

    def test_what_lies_before_a_known_period_is_begun(self) -> None:
        """A month that nobody had heard of, though the present one is known with its end."""
        after = replace(SUBSCRIPTION, period_start=NEXT_END, period_end=NEXT_END + 31 * DAY)
        known = Period(NEXT_END, NEXT_END + 31 * DAY, SUBSCRIPTION.id, PERIOD.terms)
        assert [(END, NEXT_END, "professional", True)] == bound(after, PERIOD, known, at=NEXT_END)

    def test_a_running_period_gets_the_end_that_stripe_says(self) -> None:
        """A subscription that is cancelled now ends its period now, on the terms that it had."""
        assert [(START, NOW, "professional", True)] == bound(CANCELLED, PERIOD)

    def test_what_was_expected_and_never_came_is_void_where_somebody_may_begin_it(self) -> None:
        """A tracker may still hold the word of before: nobody begins a period that is none."""
        ended = replace(CANCELLED, ended_at=END - DAY)
        expected = [(END, END, "free", False), (START, END - DAY, "professional", True)]
        assert expected == bound(ended, PERIOD, at=END + DAY)

    def test_nobody_can_have_begun_it_more_than_ten_minutes_ahead(self) -> None:
        """A clock that is five minutes ahead, of a record that is stamped five minutes ahead."""
        ten, tick = timedelta(minutes=10), timedelta.resolution
        ended = replace(CANCELLED, ended_at=END - ten)
        left, void = (START, END - ten, "professional", True), (END, END, "free", False)
        assert [void, left] == bound(ended, PERIOD, at=END - ten)
        assert [left] == bound(ended, PERIOD, at=END - ten - tick)

    def test_a_closed_period_stays_as_it_is(self) -> None:
        """What Stripe was told of is written by nobody any more."""
        assert [] == bound(SUBSCRIPTION, closed(PERIOD))

    def test_what_is_left_of_a_closed_period_is_one_of_its_own(self) -> None:
        """A trial that was extended, and heard of after its first end was closed: the rest is tried, too."""
        extended = replace(TRIAL, period_end=NEXT_END, trial_end=NEXT_END)
        assert [(END, NEXT_END, "professional", False)] == bound(extended, PROVISIONAL, closed(TRIED))
        again = replace(PROVISIONAL, end=NEXT_END)
        assert [(NEXT_END, NEXT_END + DAY, "professional", False)] == bound(
            replace(extended, period_end=NEXT_END + DAY), closed(again), closed(TRIED), at=NEXT_END + DAY
        )

    def test_a_closed_period_of_another_subscription_does_not_stand_in_the_way(self) -> None:
        """A second subscription that starts in the same second has a period of its own."""
        assert [(START, END, "professional", True)] == bound(
            SUBSCRIPTION, replace(closed(PERIOD), subscription_id="sub_first")
        )

    def test_an_earlier_period_ends_where_the_present_one_starts(self) -> None:
        """A trial that was cut short does not overlap with what is paid."""
        shortened = replace(SUBSCRIPTION, period_start=NOW, period_end=NOW + 30 * DAY)
        assert [
            (NOW, NOW + 30 * DAY, "professional", True),
            (START, NOW, "professional", True),
        ] == bound(shortened, PERIOD)

    def test_an_earlier_period_that_ended_before_is_left_alone(self) -> None:
        """A renewal writes the new period and not the one that it follows."""
        assert [(END, NEXT_END, "professional", True)] == bound(RENEWED, PERIOD)

    def test_periods_of_other_subscriptions_are_left_alone(self) -> None:
        """Neither the calendar month nor another subscription's period is cut."""
        other = replace(PERIOD, subscription_id="sub_first")
        assert [(END, NEXT_END, "professional", True)] == bound(RENEWED, other, CALENDAR_NOVEMBER)

    def test_what_was_counted_after_the_end_is_free_of_charge(self) -> None:
        """Records that awaited a renewal which never came stay in their row, which ends where it starts."""
        assert [(END, END, "free", False)] == bound(replace(CANCELLED, ended_at=END), PROVISIONAL, PERIOD)

    @pytest.mark.parametrize("status", [Status.INCOMPLETE, Status.INCOMPLETE_EXPIRED])
    def test_a_subscription_that_never_began_has_no_period(self, status: Status) -> None:
        """Without a first payment there is nothing to hold usage to."""
        assert [] == bound(replace(SUBSCRIPTION, status=status, ended_at=NOW))

    def test_a_subscription_that_ended_at_its_first_second_has_no_period(self) -> None:
        """Nothing can have been used in no time."""
        assert [] == bound(replace(CANCELLED, ended_at=START))

    def test_what_stripe_renewed_unheard_is_a_period_as_well(self) -> None:
        """Two renewals told as one: the months between are one stretch on the plan's terms."""
        later = replace(SUBSCRIPTION, period_start=NEXT_END, period_end=NEXT_END + 31 * DAY)
        assert [
            (NEXT_END, NEXT_END + 31 * DAY, "professional", True),
            (END, NEXT_END, "professional", True),
        ] == bound(later, PERIOD)

    @given(
        starts=st.lists(st.integers(-60, 60), unique=True, max_size=4),
        start=st.integers(-60, 60),
        days=st.integers(1, 31),
    )
    def test_open_periods_do_not_overlap(self, starts: list[int], start: int, days: int) -> None:
        """However many rows a live subscription has left open before, none reaches into the present one."""
        rows = [replace(PROVISIONAL, start=END + each * DAY) for each in sorted(starts) if each <= start]
        live = replace(SUBSCRIPTION, period_start=END + start * DAY, period_end=END + (start + days) * DAY)
        written = [each.after for each in binding(live, periods=rows).periods if not each.after.is_void]
        present = max(written, key=lambda each: each.start)
        assert (live.period_start, live.period_end) == (present.start, present.end)
        assert all(
            each.end is not None and each.end <= live.period_start for each in written if each is not present
        )
        assert {row.start for row in rows} <= {each.start for each in written}


class TestSeveral:
    """What is written when Stripe shows several subscriptions."""

    NEW = replace(SUBSCRIPTION, id="sub_new", created=END, period_start=END + DAY, period_end=NEXT_END + DAY)

    def test_the_end_of_one_is_bound_with_the_start_of_the_next(self) -> None:
        """Heard together, neither stays open: what was expected of the old one is void, with its usage."""
        ended = replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)
        assert [
            (END + DAY, NEXT_END + DAY, "professional", True),
            (END, END, "free", False),
            (START, NOW, "professional", True),
        ] == bound(ended, self.NEW, PROVISIONAL, PERIOD)

    def test_the_timeline_holds_both(self) -> None:
        """From the writing on, each instant is in the period of the subscription that held it."""
        ended = replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)
        found = binding(ended, self.NEW, periods=[PROVISIONAL, PERIOD])
        assert (
            Stretch(END + DAY, NEXT_END + DAY, "sub_new"),
            Stretch(START, NOW, "sub_ada"),
        ) == found.timeline

    def test_a_cancelled_duplicate_has_no_period(self) -> None:
        """Nobody used it."""
        duplicate = replace(
            CANCELLED, id="sub_second", created=START + DAY, canceled_for=Cause.DUPLICATE, ended_at=NOW
        )
        assert [] == bound(SUBSCRIPTION, duplicate, PERIOD)

    def test_a_cancelled_duplicate_that_was_used_is_ended(self) -> None:
        """It was the one until an older one turned out to live: what it counted is billed at its end."""
        duplicate = replace(CANCELLED, id="sub_second", canceled_for=Cause.DUPLICATE)
        counted = replace(PERIOD, subscription_id="sub_second", used={"exports": 600})
        assert (START, NOW, "professional", True) in bound(SUBSCRIPTION, duplicate, counted)


class TestUpgrade:
    """What becomes of a running period whose subscription moves to another plan."""

    STARTER = replace(PERIOD, terms=OFFER.terms("starter", START), used={"exports": 80, "apiCalls": 700})

    def upgrade(self, status: Status = Status.ACTIVE, period: Period = STARTER) -> Period | None:
        """The period's row when Stripe shows the professional plan."""
        found = binding(replace(SUBSCRIPTION, status=status), periods=[period]).periods
        return found[0].after if found else None

    def test_an_upgrade_freezes_the_overage_and_raises_the_limit(self) -> None:
        """30 exports over are owed whatever comes; the new limit is whole, and the prices stay."""
        after = self.upgrade()
        assert after
        assert ({"exports": 30}, "professional", 500) == (
            after.incurred,
            after.terms.plan,
            after.terms.limits["exports"],
        )
        assert self.STARTER.terms.prices == after.terms.prices

    @pytest.mark.parametrize("status", [Status.PAST_DUE, Status.UNPAID])
    def test_an_upgrade_that_is_not_paid_waits(self, status: Status) -> None:
        """Until Stripe shows it paid, the period keeps its limits."""
        assert self.upgrade(status) is None

    def test_a_downgrade_waits_for_the_periods_end(self) -> None:
        """The open period keeps its terms, whoever made it."""
        assert () == binding(replace(SUBSCRIPTION, plan="starter"), periods=[PERIOD]).periods

    def test_an_upgrade_counts_on_the_counters_it_was_computed_from(self) -> None:
        """Its writer must find them as they were read."""
        (found,) = binding(SUBSCRIPTION, periods=[self.STARTER]).periods
        assert found.freezes_overage
