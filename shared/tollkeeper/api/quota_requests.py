"""Requests to the quota endpoints and their answers, by hand: importing pydantic would take longer than both.

`models.ConsumeIn`, `ReleaseIn` and `QuotaOut` describe the same for the API's document; tests hold the two
to each other.
"""

import json
from base64 import b64decode
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from tollkeeper.ledger.consuming import Consumption, Release
from tollkeeper.rules.limits import allowance, standing
from tollkeeper.rules.times import iso
from tollkeeper.rules.usage import (
    LONGEST_USER_ID,
    MAX_BODY_BYTES,
    MAX_EVENT_DATA_BYTES,
    MAX_EVENT_DATA_DEPTH,
    MAX_ID_LENGTH,
    MAX_QUANTITY,
    UsageRecord,
    is_within_depth,
)


class WrongUseError(Exception):
    """A field of the request cannot be used; `body` is the answer's."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.body = {
            "error": "validation_failed",
            "message": str(self),
            "fields": [{"path": field, "message": message}],
        }


class TooLargeError(Exception):
    """The request's body is more than one may carry."""


def read_body(event: Mapping[str, Any]) -> str:
    """Return a request's body; API Gateway hands it over in base64 unless its sender calls it a text.

    Raises:
        TooLargeError: it is larger than a megabyte.
        WrongUseError: it is no text.
    """
    sent: str = event.get("body") or ""
    body = b64decode(sent) if event.get("isBase64Encoded") else sent.encode()
    if len(body) > MAX_BODY_BYTES:
        raise TooLargeError
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise WrongUseError("body", "must be JSON") from error


def read_metric(metric: str, metrics: Collection[str]) -> str:
    """Return a metric, if the catalogue has it.

    Raises:
        WrongUseError: it has not, and which it has.
    """
    if metric not in metrics:
        raise WrongUseError("eventType", f"unknown metric; known are {', '.join(metrics)}")
    return metric


def read_user_id(value: object) -> str:
    """Return a user's id.

    Raises:
        WrongUseError: it is missing, no text, empty or too long.
    """
    return _text("userId", value, LONGEST_USER_ID)


def read_consume(body: str, metric: str, now: datetime) -> UsageRecord:
    """Return what is to be consumed, as the record it will be.

    Raises:
        WrongUseError: the body is malformed.
    """
    fields = _object(body, {"userId", "id", "quantity", "facilityId", "eventData"})
    facility, data = fields.get("facilityId"), fields.get("eventData")
    return UsageRecord(
        id=_text("id", fields.get("id"), MAX_ID_LENGTH),
        user_id=read_user_id(fields.get("userId")),
        metric=metric,
        quantity=_quantity(fields.get("quantity", 1)),
        timestamp=now,
        accepted_at=now,
        facility_id=None if facility is None else _text("facilityId", facility, MAX_ID_LENGTH),
        event_data=None if data is None else _data(data),
    )


def read_release(body: str) -> Release:
    """Return what is to be released.

    Raises:
        WrongUseError: the body is malformed.
    """
    fields = _object(body, {"userId", "id", "quantity"})
    quantity = fields.get("quantity")
    return Release(
        user_id=read_user_id(fields.get("userId")),
        id=_text("id", fields.get("id"), MAX_ID_LENGTH),
        quantity=None if quantity is None else _quantity(quantity),
    )


def answer(seen: Consumption, metric: str) -> dict[str, Any]:
    """Return where a user stands, and whether one more would be allowed."""
    period, cap = seen.period, seen.user.spending_cap
    stand = standing(seen.terms, metric, period.used.get(metric, 0), period.incurred.get(metric, 0))
    return {
        "allowed": allowance(period, seen.terms, metric, 1, cap).barrier is None,
        "limit": stand.limit,
        "current": stand.current,
        "remaining": stand.remaining,
        "planTier": seen.terms.plan,
        "onLimit": stand.on_limit,
        "resetsAt": iso(period.end) if period.end else None,
    }


def _object(body: str, known: Collection[str]) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WrongUseError("body", "must be JSON") from error
    if not isinstance(fields, dict):
        raise WrongUseError("body", "must be a JSON object")
    for name in fields:
        if name not in known:
            raise WrongUseError(name, f"is not known here; known are {', '.join(sorted(known))}")
    return fields


def _text(field: str, value: object, longest: int) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= longest or not _is_unicode(value):
        raise WrongUseError(field, f"must be a text of 1 to {longest} characters")
    return value


def _quantity(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_QUANTITY:
        raise WrongUseError("quantity", f"must be a whole number from 1 to {MAX_QUANTITY}")
    return value


def _data(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        small = len(text.encode()) <= MAX_EVENT_DATA_BYTES
    except (ValueError, RecursionError):
        small = False
    if not isinstance(value, dict) or not small or not is_within_depth(value):
        raise WrongUseError(
            "eventData",
            f"must be a JSON object of at most {MAX_EVENT_DATA_BYTES} bytes, "
            f"nested no deeper than {MAX_EVENT_DATA_DEPTH} levels",
        )
    return text


def _is_unicode(text: str) -> bool:
    """Whether a text can be written in UTF-8: JSON's escapes can also name halves of characters."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
