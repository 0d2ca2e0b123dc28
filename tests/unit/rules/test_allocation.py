"""Where a record is counted."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.examples import CATALOGUE, END, NOW, OFFER, PERIOD, RECORD, START, SUBSCRIPTION, USER
from tollkeeper.catalogue import LatePolicy, Mode
from tollkeeper.rules.allocation import Allocation, allocate
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period, Stretch
from tollkeeper.rules.subscriptions import Status
from tollkeeper.rules.users import User

DAY = timedelta(days=1)
NEXT_END = datetime(2026, 1, 3, 9, 30, 15, tzinfo=UTC)
NOVEMBER = datetime(2025, 11, 1, tzinfo=UTC)
DECEMBER = datetime(2025, 12, 1, tzinfo=UTC)
MONTH = Period(NOVEMBER, DECEMBER, None, OFFER.free(NOVEMBER))
BEFORE = Period(START - 31 * DAY, START, SUBSCRIPTION.id, OFFER.terms("professional", START - 31 * DAY))
PROVISIONAL = Period(END, None, SUBSCRIPTION.id, OFFER.terms("professional", END), used={"exports": 7})
RENEWED = replace(SUBSCRIPTION, period_start=END, period_end=NEXT_END)
CANCELLED = replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)
LATE = replace(RECORD, timestamp=START - DAY)


def changed(**changes: object) -> Offer:
    """An offer in which API calls are something else."""
    calls = replace(CATALOGUE.metrics["apiCalls"], **changes)  # type: ignore[arg-type]
    return Offer(
        replace(CATALOGUE, metrics={**CATALOGUE.metrics, "apiCalls": calls}), OFFER.bill_overage_from
    )


def closed(period: Period) -> Period:
    """The same period, closed some time after its end."""
    return replace(period, closed_at=(period.end or END) + DAY)


def known(user: User, *periods: Period) -> User:
    """A user with periods, and a timeline that says so."""
    timeline = [Stretch(p.start, p.end, p.subscription_id) for p in periods if p.subscription_id and p.end]
    return replace(user, periods=periods, timeline=tuple(timeline))


@pytest.fixture
def user() -> User:
    """Ada, whose previous period is closed."""
    return known(USER, PERIOD, closed(BEFORE))


def test_a_record_counts_in_the_period_that_holds_its_timestamp(user: User) -> None:
    """It counts where it happened."""
    assert Allocation(RECORD, PERIOD) == allocate(user, RECORD, NOW, OFFER)


def test_an_ended_period_that_is_not_closed_takes_what_is_its_own() -> None:
    """After its end and before its close it takes what belongs to it, as if it had come in time."""
    user = known(replace(USER, subscription=RENEWED), PROVISIONAL, PERIOD)
    assert Allocation(RECORD, PERIOD) == allocate(user, RECORD, END + DAY, OFFER)


def test_what_comes_late_counts_in_the_open_period(user: User) -> None:
    """A record of a closed period counts in the present one, keeps its timestamp and is marked."""
    assert Allocation(LATE, PERIOD, late=True) == allocate(user, LATE, NOW, OFFER)


def test_late_without_a_billable_period_is_only_shown() -> None:
    """After the subscription it is kept, unbilled, and takes nothing of the free month's limit."""
    user = known(User("ada", subscription=CANCELLED), closed(replace(PERIOD, end=NOW)))
    record = replace(RECORD, timestamp=NOW - DAY)
    expected = Allocation(record, MONTH, late=True, unbilled=True, counts=False)
    assert expected == allocate(user, record, NOW + DAY, OFFER)


def test_late_before_overage_is_billed_is_only_shown(user: User) -> None:
    """A period whose overage is not asked for yet cannot be charged with a late record either."""
    later = Offer(CATALOGUE, date(2026, 1, 1))
    present = replace(PERIOD, terms=later.terms("professional", START))
    user = known(user, present, closed(BEFORE))
    expected = Allocation(LATE, present, late=True, unbilled=True, counts=False)
    assert expected == allocate(user, LATE, NOW, later)


def test_late_beside_a_closed_present_is_shown_in_the_calendar_month() -> None:
    """Where even the present period is closed, the month shows the record, unbilled."""
    user = known(USER, replace(PERIOD, closed_at=NOW))
    expected = Allocation(RECORD, MONTH, late=True, unbilled=True, counts=False)
    assert expected == allocate(user, RECORD, NOW, OFFER)


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param(OFFER.terms("professional", BEFORE.start, trial=True), id="a trial"),
        pytest.param(Offer(CATALOGUE, NOW.date()).terms("professional", BEFORE.start), id="before billing"),
        pytest.param(changed(mode=Mode.OBSERVE).terms("professional", BEFORE.start), id="observed"),
    ],
)
def test_late_use_of_what_bills_nothing_is_never_billed(terms: object) -> None:
    """It is shown on its day, and counts in no period: nobody pays in May for the trial of April."""
    user = known(USER, PERIOD, closed(replace(BEFORE, terms=terms)))  # type: ignore[arg-type]
    assert Allocation(LATE, PERIOD, late=True, counts=False) == allocate(user, LATE, NOW, OFFER)


@pytest.mark.parametrize("present", [PERIOD, replace(PERIOD, closed_at=NOW)])
def test_late_of_a_metric_that_drops_it_is_only_shown(present: Period) -> None:
    """With the policy `drop` a late record counts in no period, so that it is not unbilled either."""
    found = allocate(known(USER, present, closed(BEFORE)), LATE, NOW, changed(late=LatePolicy.DROP))
    assert (True, False, False) == (found.late, found.counts, found.unbilled)


def test_in_time_of_a_metric_that_drops_late_ones_counts(user: User) -> None:
    """The policy for late records is none for the others."""
    assert Allocation(RECORD, PERIOD) == allocate(user, RECORD, NOW, changed(late=LatePolicy.DROP))


def test_before_a_renewal_is_known_a_record_is_provisional() -> None:
    """Stamped after the known end it waits in the next period until Stripe binds it."""
    found = allocate(USER, replace(RECORD, timestamp=END + DAY), END + DAY, OFFER).period
    assert (END, None, SUBSCRIPTION.id) == (found.start, found.end, found.subscription_id)
