"""Which period an instant belongs to, where a record is counted, and what Stripe's word makes of periods."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import CATALOGUE, END, NOW, OFFER, PERIOD, RECORD, START, SUBSCRIPTION, USER
from tollkeeper.catalogue import LatePolicy
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period, calendar_month
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.users import Allocation, User, allocate, period_at, periods_bound

TICK = timedelta.resolution
DAY = timedelta(days=1)
NEXT_END = datetime(2026, 1, 3, 9, 30, 15, tzinfo=UTC)
NOVEMBER = datetime(2025, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2025, 12, 1, tzinfo=UTC)
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)

NOBODY = User("ada")
PROVISIONAL = Period(END, None, SUBSCRIPTION.id, OFFER.terms("professional", END), used={"exports": 7})
RENEWED = replace(SUBSCRIPTION, period_start=END, period_end=NEXT_END)
TRIAL = replace(SUBSCRIPTION, status=Status.TRIALING, trial_end=END)
CANCELLED = replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)
DROPPING = Offer(
    replace(
        CATALOGUE,
        metrics={
            **CATALOGUE.metrics,
            "apiCalls": replace(CATALOGUE.metrics["apiCalls"], late=LatePolicy.DROP),
        },
    ),
    OFFER.bill_overage_from,
)
CALENDAR_NOVEMBER = Period(NOVEMBER, DECEMBER, None, OFFER.free(NOVEMBER), used={"exports": 2})


def closed(period: Period) -> Period:
    """The same period, closed some time after its end."""
    return replace(period, closed_at=(period.end or END) + DAY)


class TestPeriodAt:
    """The period that holds an instant."""

    @pytest.mark.parametrize("instant", [START, NOW, END - TICK])
    def test_is_the_subscriptions(self, instant: datetime) -> None:
        """From its first moment to its last, the subscription's period holds."""
        assert PERIOD == period_at(USER, instant, OFFER)

    def test_is_the_subscriptions_before_the_months(self) -> None:
        """What the user did in the free part of a month does not make the rest of it free."""
        december = Period(DECEMBER, JANUARY, None, OFFER.free(DECEMBER))
        user = replace(USER, periods=(december, PERIOD, CALENDAR_NOVEMBER))
        assert [PERIOD, PERIOD] == [period_at(user, each, OFFER) for each in (NOW, DECEMBER)]

    @pytest.mark.parametrize("subscription", [SUBSCRIPTION, TRIAL, CANCELLED])
    def test_is_the_subscriptions_without_its_row(self, subscription: Subscription) -> None:
        """The user's row alone says where the period begins and ends, and on what terms."""
        terms = OFFER.terms("professional", START, trial=subscription is TRIAL)
        expected = Period(*subscription.bounds, SUBSCRIPTION.id, terms)
        assert expected == period_at(User("ada", subscription=subscription), START, OFFER)

    @pytest.mark.parametrize("status", [Status.INCOMPLETE, Status.INCOMPLETE_EXPIRED])
    def test_of_a_subscription_that_never_began_is_the_calendar_month(self, status: Status) -> None:
        """Who has not paid yet has what is free."""
        never = replace(SUBSCRIPTION, status=status, ended_at=NOW)
        assert period_at(User("ada", subscription=never), START, OFFER).subscription_id is None

    def test_before_the_subscription_is_the_calendar_month(self) -> None:
        """What came before the first second of the subscription stays in its month."""
        user = replace(USER, periods=(PERIOD, CALENDAR_NOVEMBER))
        assert CALENDAR_NOVEMBER == period_at(user, START - TICK, OFFER)

    @pytest.mark.parametrize("instant", [END, END + 40 * DAY])
    def test_past_the_known_end_is_provisional(self, instant: datetime) -> None:
        """While Stripe has not renewed, the next period starts at the known end and has none."""
        expected = Period(END, None, SUBSCRIPTION.id, OFFER.terms("professional", END))
        assert expected == period_at(USER, instant, OFFER)

    def test_past_the_known_end_is_the_provisional_row_once_there_is_one(self) -> None:
        """Records that arrive one after the other gather in one row."""
        user = replace(USER, periods=(PROVISIONAL, PERIOD))
        assert PROVISIONAL == period_at(user, END + DAY, OFFER)

    @pytest.mark.parametrize("cancel_at", [END, NOW])
    def test_past_an_end_that_is_known_to_be_the_last_is_the_calendar_month(
        self, cancel_at: datetime
    ) -> None:
        """A subscription that ends with its period has no next one: the month after it is free."""
        user = replace(USER, subscription=replace(SUBSCRIPTION, cancel_at=cancel_at))
        month = Period(DECEMBER, JANUARY, None, OFFER.free(DECEMBER))
        assert month == period_at(user, END, OFFER)

    def test_of_an_ended_subscription_is_cut_short(self) -> None:
        """From the moment at which a subscription ended, its user is in the calendar month."""
        user = replace(USER, subscription=CANCELLED, periods=(replace(PERIOD, end=NOW),))
        assert (SUBSCRIPTION.id, None) == (
            period_at(user, NOW - TICK, OFFER).subscription_id,
            period_at(user, NOW, OFFER).subscription_id,
        )

    @given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
    def test_without_a_subscription_is_the_calendar_month(self, instant: datetime) -> None:
        """A user nobody has heard of starts the free month that holds the instant."""
        start, end = calendar_month(instant)
        assert Period(start, end, None, OFFER.free(start)) == period_at(NOBODY, instant, OFFER)

    @given(st.timedeltas(timedelta(days=-60), timedelta(days=60)))
    def test_holds_the_instant(self, after: timedelta) -> None:
        """Whatever is known of a user, the period that is named for an instant holds it."""
        user = replace(USER, periods=(PERIOD, CALENDAR_NOVEMBER))
        assert period_at(user, END + after, OFFER).holds(END + after)


class TestPosting:
    """Where a record is counted."""

    BEFORE = Period(START - 31 * DAY, START, SUBSCRIPTION.id, OFFER.terms("professional", START - 31 * DAY))

    @pytest.fixture
    def user(self) -> User:
        """Ada, whose previous period is closed."""
        return replace(USER, periods=(PERIOD, closed(self.BEFORE)))

    def test_is_the_period_that_holds_its_timestamp(self, user: User) -> None:
        """A record counts where it happened."""
        assert Allocation(RECORD, PERIOD) == allocate(user, RECORD, NOW, OFFER)

    def test_is_an_ended_period_that_is_not_closed(self) -> None:
        """After its end and before its close a period takes what belongs to it, as if it had come in time."""
        user = replace(USER, subscription=RENEWED, periods=(PROVISIONAL, PERIOD))
        assert Allocation(RECORD, PERIOD) == allocate(user, RECORD, END + DAY, OFFER)

    def test_late_is_the_open_period(self, user: User) -> None:
        """A record of a closed period counts in the present one, keeps its timestamp and is marked."""
        record = replace(RECORD, timestamp=START - DAY)
        assert Allocation(record, PERIOD, late=True) == allocate(user, record, NOW, OFFER)

    def test_late_without_a_billable_period_is_unbilled(self) -> None:
        """After the subscription a late record is kept in the free month, and marked unbilled."""
        user = User("ada", subscription=CANCELLED, periods=(closed(replace(PERIOD, end=NOW)),))
        record = replace(RECORD, timestamp=NOW - DAY)
        month = Period(NOVEMBER, DECEMBER, None, OFFER.free(NOVEMBER))
        assert Allocation(record, month, late=True, unbilled=True) == allocate(user, record, NOW + DAY, OFFER)

    def test_late_before_overage_is_billed_is_unbilled(self, user: User) -> None:
        """A period whose overage is not asked for yet cannot be charged with a late record either."""
        later = Offer(CATALOGUE, date(2026, 1, 1))
        present = replace(PERIOD, terms=later.terms("professional", START))
        user = replace(user, periods=(present, closed(self.BEFORE)))
        record = replace(RECORD, timestamp=START - DAY)
        assert Allocation(record, present, late=True, unbilled=True) == allocate(user, record, NOW, later)

    def test_late_beside_a_closed_present_is_the_calendar_month(self) -> None:
        """Where even the present period is closed, the month takes the record, unbilled."""
        user = replace(USER, periods=(replace(PERIOD, closed_at=NOW),))
        month = Period(NOVEMBER, DECEMBER, None, OFFER.free(NOVEMBER))
        assert Allocation(RECORD, month, late=True, unbilled=True) == allocate(user, RECORD, NOW, OFFER)

    @pytest.mark.parametrize("present", [PERIOD, replace(PERIOD, closed_at=NOW)])
    def test_late_of_a_metric_that_drops_it_is_only_shown(self, present: Period) -> None:
        """With the policy `drop` a late record counts in no period, so that it is not unbilled either."""
        user = replace(USER, periods=(present, closed(self.BEFORE)))
        found = allocate(user, replace(RECORD, timestamp=START - DAY), NOW, DROPPING)
        assert (True, False, False) == (found.late, found.counts, found.unbilled)

    def test_in_time_of_a_metric_that_drops_late_ones_counts(self, user: User) -> None:
        """The policy for late records is none for the others."""
        assert Allocation(RECORD, PERIOD) == allocate(user, RECORD, NOW, DROPPING)

    def test_before_a_renewal_is_known_is_provisional(self) -> None:
        """A record stamped after the known end waits in the next period until Stripe binds it."""
        record = replace(RECORD, timestamp=END + DAY)
        found = allocate(USER, record, END + DAY, OFFER).period
        assert (END, None, SUBSCRIPTION.id) == (found.start, found.end, found.subscription_id)


def bound(
    subscription: Subscription, *periods: Period, offer: Offer = OFFER
) -> Sequence[tuple[datetime, datetime | None, str, bool]]:
    """What is written: start, end, plan and whether it is billed."""
    user = replace(USER, periods=periods)
    return [
        (each.start, each.end, each.terms.plan, each.terms.billed)
        for each in periods_bound(user, subscription, offer)
    ]


class TestPeriodsBound:
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
        user = replace(USER, periods=(PERIOD,))
        again = periods_bound(user, SUBSCRIPTION, Offer(edited, OFFER.bill_overage_from))
        assert [PERIOD.terms] == [each.terms for each in again]

    def test_a_running_period_gets_the_end_that_stripe_says(self) -> None:
        """A subscription that is cancelled now ends its period now, on the terms that it had."""
        assert [(START, NOW, "professional", True)] == bound(CANCELLED, PERIOD)

    def test_a_closed_period_stays_as_it_is(self) -> None:
        """What Stripe was told of is written by nobody any more."""
        assert [] == bound(SUBSCRIPTION, closed(PERIOD))

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
        assert [
            (START, END, "professional", True),
            (END, END, "free", False),
        ] == bound(replace(CANCELLED, ended_at=END), PROVISIONAL, PERIOD)

    @pytest.mark.parametrize("status", [Status.INCOMPLETE, Status.INCOMPLETE_EXPIRED])
    def test_a_subscription_that_never_began_has_no_period(self, status: Status) -> None:
        """Without a first payment there is nothing to hold usage to."""
        assert [] == bound(replace(SUBSCRIPTION, status=status, ended_at=NOW))

    def test_a_subscription_that_ended_at_its_first_second_has_no_period(self) -> None:
        """Nothing can have been used in no time."""
        assert [] == bound(replace(CANCELLED, ended_at=START))

    @given(
        starts=st.lists(st.integers(-60, 60), unique=True, max_size=4),
        start=st.integers(-60, 60),
        days=st.integers(1, 31),
    )
    def test_open_periods_do_not_overlap(self, starts: list[int], start: int, days: int) -> None:
        """However many rows a live subscription has left open before, none reaches into the present one."""
        rows = [replace(PROVISIONAL, start=END + each * DAY) for each in sorted(starts) if each <= start]
        live = replace(SUBSCRIPTION, period_start=END + start * DAY, period_end=END + (start + days) * DAY)
        written = periods_bound(replace(USER, periods=tuple(rows)), live, OFFER)
        present, *earlier = written
        assert (live.period_start, live.period_end) == (present.start, present.end)
        assert all(each.end == live.period_start for each in earlier)
        assert {row.start for row in rows} <= {each.start for each in written}
