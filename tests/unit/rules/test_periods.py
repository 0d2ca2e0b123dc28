"""Which stretch of time a limit applies to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import END, PERIOD, START
from tollkeeper.rules.periods import Stretch, Terms, calendar_month

TICK = timedelta.resolution

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1970, 1, 2), datetime(9998, 12, 30), timezones=zones)  # noqa: DTZ001 - hypothesis adds the zone


@given(instants)
def test_a_month_holds_its_instant_whatever_the_zone(instant: datetime) -> None:
    """The month starts at midnight UTC of a first and ends at the next one's, with the instant inside."""
    start, end = calendar_month(instant)
    in_utc = instant.astimezone(UTC)
    assert datetime(in_utc.year, in_utc.month, 1, tzinfo=UTC) == start <= instant < end
    assert start.month % 12 + 1 == end.month


@given(instants)
def test_months_follow_each_other_without_a_gap(instant: datetime) -> None:
    """Where one month ends the next begins, so that every instant is in exactly one."""
    _, end = calendar_month(instant)
    start_of_next, _ = calendar_month(end)
    assert end == start_of_next


@pytest.mark.parametrize(
    ("instant", "start", "end"),
    [
        pytest.param("2025-11-30T23:59:59Z", "2025-11-01", "2025-12-01", id="last second of a month"),
        pytest.param("2025-12-31T23:59:59.999999Z", "2025-12-01", "2026-01-01", id="last moment of a year"),
        pytest.param("2026-01-01T00:00:00Z", "2026-01-01", "2026-02-01", id="first moment of a year"),
        pytest.param("2028-02-29T12:00:00Z", "2028-02-01", "2028-03-01", id="leap day"),
        pytest.param("2027-02-28T23:59:59Z", "2027-02-01", "2027-03-01", id="last second of a short month"),
        pytest.param("2025-10-31T20:00:00-05:00", "2025-11-01", "2025-12-01", id="still October in Chicago"),
        pytest.param("2025-11-01T01:00:00+02:00", "2025-10-01", "2025-11-01", id="November in Berlin"),
    ],
)
def test_months_are_those_of_utc(instant: str, start: str, end: str) -> None:
    """The last day counts to its last second, and local time plays no part."""
    expected = tuple(datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (start, end))
    assert expected == calendar_month(datetime.fromisoformat(instant))


@pytest.mark.parametrize(
    ("but", "is_told"),
    [
        pytest.param({}, True, id="a subscription's period"),
        pytest.param({"subscription_id": None}, False, id="a calendar month"),
        pytest.param({"end": None}, False, id="a provisional one"),
        pytest.param({"end": START}, False, id="one that ends as it begins"),
        pytest.param({"is_void": True}, False, id="one that turned out to be none"),
    ],
)
def test_a_timeline_tells_of_what_has_some_length(but: dict[str, Any], *, is_told: bool) -> None:
    """Each reason by itself is enough not to tell of it."""
    period = replace(PERIOD, **{"subscription_id": "sub_1", **but})
    assert (Stretch(START, END, "sub_1") if is_told else None) == period.stretch


@pytest.mark.parametrize(
    ("instant", "held"),
    [(START - TICK, False), (START, True), (END - TICK, True), (END, False)],
)
def test_a_period_is_half_open(*, instant: datetime, held: bool) -> None:
    """Its first moment lies in it, its end does not."""
    assert held == PERIOD.holds(instant)


@given(st.timedeltas(timedelta(0), timedelta(days=3_000)))
def test_a_period_without_an_end_goes_on(later: timedelta) -> None:
    """Until Stripe has said where it ends, it holds every instant from its start."""
    assert replace(PERIOD, end=None).holds(START + later)


def test_a_period_is_what_it_is_however_it_was_written_down() -> None:
    """How its terms were spelled, and the digest of its row, make it no other period."""
    assert replace(PERIOD, pinned="spelled so", digest="d") == PERIOD
    assert replace(PERIOD, spending_cap=1) != PERIOD


def test_terms_bill_nothing_unless_they_say_so() -> None:
    """Nor do they limit what they do not name."""
    terms = Terms("free", {"exports": 5})
    assert (False, 5, -1) == (terms.bills("exports"), terms.limit("exports"), terms.limit("apiCalls"))
