"""Which records the address of a page asks for."""

from collections.abc import Callable, Mapping
from datetime import date

from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.series import MOST_DAYS, Span
from tollkeeper.rules.times import parse_iso
from tollkeeper.views.records import RecordQuestion


def record_question(fields: Mapping[str, str]) -> RecordQuestion:
    """Read `eventType`, and `period` or `from`, `to` and `facilityId`, each of which may be missing.

    Raises:
        InvalidFieldError: one cannot be used.
    """
    first, last = _read("from", fields, date.fromisoformat), _read("to", fields, date.fromisoformat)
    period, facility_id = _read("period", fields, parse_iso), fields.get("facilityId")
    span = None if first is None or last is None else Span(first, last)
    if (first is None) != (last is None):
        raise InvalidFieldError("from", "give both from and to, or neither")
    if span is not None and not 0 < len(span) <= MOST_DAYS:
        raise InvalidFieldError("from", f"ask for 1 to {MOST_DAYS} days, the first one first")
    if span is not None and period:
        raise InvalidFieldError("period", "give either a period or days, and only one")
    if facility_id is not None and span is None:
        raise InvalidFieldError("facilityId", "give the days as well, by from and to")
    return RecordQuestion(fields.get("eventType") or None, period, span, facility_id)


def _read[Value](name: str, fields: Mapping[str, str], read: Callable[[str], Value]) -> Value | None:
    sent = fields.get(name)
    try:
        return read(sent) if sent else None
    except ValueError as error:
        raise InvalidFieldError(name, "write it as the page's own links do") from error
