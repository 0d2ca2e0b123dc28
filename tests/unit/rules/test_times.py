"""Instants as text and as seconds."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.times import (
    epoch,
    from_epoch,
    from_microseconds,
    iso,
    microseconds,
    parse_iso,
    start_of_day,
)

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1970, 1, 2), datetime(9998, 12, 31), timezones=zones)  # noqa: DTZ001 - hypothesis adds the zone


@given(instants)
def test_what_is_written_is_read_again(instant: datetime) -> None:
    """Text and back is the same instant to the microsecond, in UTC."""
    read = parse_iso(iso(instant))
    assert (instant, UTC) == (read, read.tzinfo)


@given(instants, instants)
def test_text_sorts_as_time_does_in_whole_seconds(one: datetime, other: datetime) -> None:
    """Keys are sorted as text, so text of whole seconds has the order of the instants."""
    one, other = one.replace(microsecond=0), other.replace(microsecond=0)
    assert (one < other) == (iso(one) < iso(other))


@given(instants)
def test_seconds_since_1970_are_the_same_instant(instant: datetime) -> None:
    """Whole seconds and back lose the fraction and nothing else."""
    assert instant.replace(microsecond=0) == from_epoch(epoch(instant))


@given(instants)
def test_microseconds_since_1970_are_the_same_instant(instant: datetime) -> None:
    """Whole microseconds and back lose nothing."""
    assert instant == from_microseconds(microseconds(instant))


@pytest.mark.parametrize(
    ("instant", "seconds"),
    [
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(2025, 11, 3, 17, 4, 5, 999_999, tzinfo=UTC), 1_762_189_445),
        (datetime(9998, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 253_370_764_799),
    ],
)
def test_a_second_is_over_only_when_it_is_over(instant: datetime, seconds: int) -> None:
    """The last microsecond of a second belongs to it, also where a float would round it up to the next."""
    assert seconds == epoch(instant)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2025, 11, 3, 17, 4, 5, tzinfo=UTC), "2025-11-03T17:04:05Z"),
        (datetime(2025, 11, 3, 17, 4, 5, 120_000, tzinfo=UTC), "2025-11-03T17:04:05.120000Z"),
        (datetime(2025, 11, 3, 17, 4, 5, tzinfo=timezone(timedelta(hours=-8))), "2025-11-04T01:04:05Z"),
    ],
)
def test_instants_are_written_in_utc(instant: datetime, text: str) -> None:
    """Text is ISO 8601 with a Z, and with a fraction only where there is one."""
    assert text == iso(instant)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2025-11-03T17:04:05", "time zone is missing"),
        ("2025-11-03", "time zone is missing"),
        ("2025-11-03T17:04:60Z", "second must be in 0..59"),
        ("2025-02-29T00:00:00Z", "day"),
        ("0001-01-01T00:00:00+14:00", "year is out of range"),
        ("9999-12-31T23:59:59-14:00", "year is out of range"),
        ("yesterday", "Invalid isoformat"),
        ("", "Invalid isoformat"),
    ],
)
def test_what_is_no_instant_is_refused(text: str, why: str) -> None:
    """A text that names no instant, no zone or no year in UTC is a ValueError that says so."""
    with pytest.raises(ValueError, match=why):
        parse_iso(text)


@given(st.text())
def test_any_text_is_an_instant_or_a_value_error(text: str) -> None:
    """Whatever somebody sends, reading it ends in an aware instant or a ValueError."""
    try:
        instant = parse_iso(text)
    except ValueError:
        return
    assert UTC == instant.tzinfo


def test_a_day_starts_at_midnight_utc() -> None:
    """The date of a parameter means its first moment in UTC."""
    assert datetime(2026, 1, 31, tzinfo=UTC) == start_of_day(date(2026, 1, 31))
