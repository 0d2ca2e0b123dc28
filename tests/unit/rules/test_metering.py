"""What Stripe is told of a period that has ended."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.examples import CATALOGUE, END, NOW, OFFER, PERIOD, START
from tollkeeper.catalogue import UNLIMITED
from tollkeeper.rules.metering import MeterEvent, meter_events
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.overage import overage
from tollkeeper.rules.periods import Period
from tollkeeper.rules.users import User

BUSY = {"apiCalls": 15_000, "aiQueries": 1_200, "exports": 600, "mlPredictions": 5_000}

counts = st.dictionaries(st.sampled_from([*CATALOGUE.metrics]), st.integers(0, 10**9))
texts = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=300)


def events(
    period: Period, *, user_id: str = "ada", customer_id: str = "cus_ada", deployment: str = "live"
) -> Mapping[str, MeterEvent]:
    """What Stripe is told of Ada's period."""
    return meter_events(deployment, User(user_id, customer_id=customer_id), period)


def identifiers(period: Period, **of: str) -> set[str]:
    """The identifiers of a busy period."""
    return {event.identifier for event in events(replace(period, used=BUSY), **of).values()}


def test_a_busy_period_is_one_event_per_exceeded_metric() -> None:
    """Each priced metric beyond its limit is told once, as its overage, in the period's last whole minute."""
    found = events(replace(PERIOD, used=BUSY))
    stamped = datetime(2025, 12, 3, 9, 29, tzinfo=UTC)
    expected = {
        "apiCalls": ("tollkeeper_apiCalls_overage", "cus_ada", 5_000, stamped),
        "aiQueries": ("tollkeeper_aiQueries_overage", "cus_ada", 200, stamped),
        "exports": ("tollkeeper_exports_overage", "cus_ada", 100, stamped),
    }
    assert expected == {
        metric: (event.name, event.customer_id, event.value, event.timestamp)
        for metric, event in found.items()
    }


@given(used=counts, incurred=counts)
def test_stripe_is_told_the_overage_and_nothing_else(used: dict[str, int], incurred: dict[str, int]) -> None:
    """Whatever was counted, the values are the period's overage, without what comes to nothing."""
    period = replace(PERIOD, used=used, incurred=incurred)
    expected = {metric: each.quantity for metric, each in overage(period).items() if each.quantity}
    assert expected == {metric: event.value for metric, event in events(period).items()}


def test_usage_within_the_limits_is_not_told() -> None:
    """A period at its limits to the unit costs no call to Stripe."""
    limits = PERIOD.terms.limits
    within = {metric: limit for metric, limit in limits.items() if limit != UNLIMITED}
    assert {} == events(replace(PERIOD, used=within))


def test_a_period_that_is_not_billed_is_not_told() -> None:
    """Before the date from which overage is billed, Stripe hears of none."""
    unbilled = Offer(CATALOGUE, date(2026, 1, 1)).terms("professional", START)
    assert {} == events(replace(PERIOD, terms=unbilled, used=BUSY))


def test_a_period_of_the_free_plan_is_not_told() -> None:
    """What passed a free limit was tracked, and is never billed."""
    assert {} == events(replace(PERIOD, terms=OFFER.free(START), used=BUSY))


def test_a_period_without_an_end_is_not_told() -> None:
    """While Stripe has not said where the period ends, there is no minute to stamp an event in."""
    assert {} == events(replace(PERIOD, end=None, used=BUSY))


@given(used=st.integers(501, 10**9), customer_id=texts, end=st.integers(1, 31))
def test_an_identifier_depends_on_user_metric_and_period_alone(used: int, customer_id: str, end: int) -> None:
    """Neither the value nor the customer, the end or the closing of the period changes it."""
    first = events(replace(PERIOD, used={"exports": 600}))["exports"].identifier
    moved = replace(PERIOD, end=START + timedelta(days=end), used={"exports": used}, closed_at=NOW)
    assert first == events(moved, customer_id=customer_id)["exports"].identifier


@given(one=texts, other=texts)
def test_identifiers_of_two_users_differ(one: str, other: str) -> None:
    """No user's event is taken for another's, whatever their ids look like."""
    assert (one != other) == identifiers(PERIOD, user_id=one).isdisjoint(identifiers(PERIOD, user_id=other))


def test_identifiers_of_metrics_periods_subscriptions_and_deployments_differ() -> None:
    """Three metrics, in each of four periods that differ in one thing, are twelve events."""
    all_of_them = (
        identifiers(PERIOD)
        | identifiers(replace(PERIOD, start=START + timedelta(seconds=1)))
        | identifiers(replace(PERIOD, subscription_id="sub_second"))
        | identifiers(PERIOD, deployment="staging")
    )
    assert 12 == len(all_of_them)


@given(user_id=texts, subscription_id=texts)
def test_an_identifier_is_one_that_stripe_takes(user_id: str, subscription_id: str) -> None:
    """However long the ids are, it has at most 100 characters, and plain ones."""
    for identifier in identifiers(replace(PERIOD, subscription_id=subscription_id), user_id=user_id):
        assert len(identifier) <= 100
        assert identifier.isascii()
        assert identifier.isprintable()


def test_events_are_stamped_inside_the_period_that_they_are_of() -> None:
    """Stripe bills an event in the invoice of the period that holds its timestamp."""
    stamps = {event.timestamp for event in events(replace(PERIOD, used=BUSY)).values()}
    assert all(START <= stamp < END for stamp in stamps)
