"""Instants as the product writes them: ISO 8601, UTC, with a trailing Z."""

from datetime import UTC, date, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)


def iso(instant: datetime) -> str:
    """Write an aware instant as `2025-11-03T17:04:05Z`, with a fraction only where there is one."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_iso(text: str) -> datetime:
    """Read what `iso` wrote, or any other ISO 8601 instant that names its time zone.

    Raises:
        ValueError: the text is no instant, names no time zone, or lies outside the years 1 to 9999 in UTC.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("the time zone is missing; write for example 2025-11-03T17:04:05Z")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the year is out of range") from error


def epoch(instant: datetime) -> int:
    """Whole seconds since 1970, as Stripe and DynamoDB's time to live count them; rounded down.

    In whole numbers, since a float holds no microsecond of a far year and rounds it up to the next second.
    """
    return (instant - EPOCH) // SECOND


def from_epoch(seconds: int) -> datetime:
    """Return the UTC instant of whole seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970: all there is to an instant."""
    return (instant - EPOCH) // MICROSECOND


def from_microseconds(number: int) -> datetime:
    """Return the UTC instant of whole microseconds since 1970."""
    return EPOCH + timedelta(microseconds=number)


def month_start(month: str) -> datetime:
    """Return the first moment of a UTC calendar month such as `2025-10`."""
    return datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)


def start_of_day(day: date) -> datetime:
    """Return midnight UTC at which a day starts."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
