"""Which period an instant belongs to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import END, NOW, OFFER, PERIOD, START, SUBSCRIPTION, USER
from tollkeeper.rules.periods import Period, Stretch, calendar_month
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.users import User, period_at, period_key_at, stretch_at

TICK = timedelta.resolution
DAY = timedelta(days=1)
NOVEMBER = datetime(2025, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2025, 12, 1, tzinfo=UTC)
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)

NOBODY = User("ada")
PROVISIONAL = Period(END, None, SUBSCRIPTION.id, OFFER.terms("professional", END), used={"exports": 7})
TRIAL = replace(SUBSCRIPTION, status=Status.TRIALING, trial_end=END)
CANCELLED = replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)
CALENDAR_NOVEMBER = Period(NOVEMBER, DECEMBER, None, OFFER.free(NOVEMBER), used={"exports": 2})


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
        timeline = (Stretch(*subscription.bounds, SUBSCRIPTION.id),)
        assert expected == period_at(User("ada", subscription=subscription, timeline=timeline), START, OFFER)

    @given(
        stretches=st.lists(
            st.builds(
                lambda start, days, name: Stretch(START + start * DAY, START + (start + days) * DAY, name),
                st.integers(-40, 40),
                st.integers(1, 40),
                st.sampled_from(["sub_ada", "sub_other"]),
            ),
            max_size=4,
        ),
        at=st.integers(-50, 90),
    )
    def test_of_two_is_that_of_the_subscription_that_counts(self, stretches: list[Stretch], at: int) -> None:
        """Then the one that began last, which is by Stripe's later word."""
        user, instant = replace(USER, timeline=tuple(stretches)), START + at * DAY
        holding = [each for each in stretches if each.holds(instant)]
        own = [each for each in holding if each.subscription_id == SUBSCRIPTION.id]
        expected = max((each.start for each in own or holding), default=None)
        found = stretch_at(user, instant)
        assert expected == (found.start if found else None)

    @given(at=st.integers(-60, 90), rows=st.lists(st.sampled_from([PERIOD, CALENDAR_NOVEMBER, PROVISIONAL])))
    def test_is_named_by_the_users_row_alone(self, at: int, rows: list[Period]) -> None:
        """Whatever rows were read beside it: tracker and consume, which read others, name the same one."""
        instant = START + at * DAY
        found = period_at(replace(USER, periods=tuple(rows)), instant, OFFER)
        assert period_key_at(USER, instant) == (found.start, found.subscription_id)

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
        ended = (Stretch(START, NOW, SUBSCRIPTION.id),)
        user = replace(USER, subscription=CANCELLED, timeline=ended, periods=(replace(PERIOD, end=NOW),))
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
