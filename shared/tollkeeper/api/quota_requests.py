"""Requests to the quota endpoints, read by hand: importing pydantic would take longer than answering.

`ConsumeIn` and `ReleaseIn` describe the same for the API's document; tests hold the two to each other.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from tollkeeper.api.requests import read_body
from tollkeeper.ledger.consuming import Release
from tollkeeper.quota.quota import Check, Consume, Question
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.usage import (
    LONGEST_USER_ID,
    MAX_EVENT_DATA_BYTES,
    MAX_EVENT_DATA_DEPTH,
    MAX_ID_LENGTH,
    MAX_QUANTITY,
    UsageRecord,
    is_within_depth,
    known_metric,
)


def read(event: Mapping[str, Any], metrics: Collection[str], now: datetime) -> Question:
    """Return what a request to one of the three endpoints asks at a time.

    Raises:
        InvalidFieldError: a field cannot be used.
        TooLargeError: the body is larger than a megabyte.
    """
    metric = known_metric(event["pathParameters"]["eventType"], metrics)
    match event["routeKey"].rpartition("/")[2]:
        case "consume":
            return Consume(_consumed(read_body(event), metric, now))
        case "release":
            return _released(read_body(event), metric, now)
        case _:
            return Check(_user_id((event.get("queryStringParameters") or {}).get("userId")), metric, now)


def _user_id(value: object) -> str:
    return _text("userId", value, LONGEST_USER_ID)


def _consumed(body: str, metric: str, now: datetime) -> UsageRecord:
    fields = _object(body, {"userId", "id", "quantity", "facilityId", "eventData"})
    facility, data = fields.get("facilityId"), fields.get("eventData")
    return UsageRecord(
        id=_text("id", fields.get("id"), MAX_ID_LENGTH),
        user_id=_user_id(fields.get("userId")),
        metric=metric,
        quantity=_quantity(fields.get("quantity", 1)),
        timestamp=now,
        accepted_at=now,
        facility_id=None if facility is None else _text("facilityId", facility, MAX_ID_LENGTH),
        event_data=None if data is None else _data(data),
    )


def _released(body: str, metric: str, now: datetime) -> Release:
    fields = _object(body, {"userId", "id", "quantity"})
    quantity = fields.get("quantity")
    return Release(
        user_id=_user_id(fields.get("userId")),
        id=_text("id", fields.get("id"), MAX_ID_LENGTH),
        metric=metric,
        at=now,
        quantity=None if quantity is None else _quantity(quantity),
    )


def _object(body: str, known: Collection[str]) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidFieldError("body", "must be JSON") from error
    if not isinstance(fields, dict):
        raise InvalidFieldError("body", "must be a JSON object")
    for name in fields:
        if name not in known:
            raise InvalidFieldError(
                name, f"is no field of this request. Its fields are {', '.join(sorted(known))}."
            )
    return fields


def _text(field: str, value: object, longest: int) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= longest or not _is_unicode(value):
        raise InvalidFieldError(field, f"must be a text of 1 to {longest} characters")
    return value


def _quantity(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_QUANTITY:
        raise InvalidFieldError("quantity", f"must be a whole number from 1 to {MAX_QUANTITY}")
    return value


def _data(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        small = len(text.encode()) <= MAX_EVENT_DATA_BYTES
    except (ValueError, RecursionError):
        small = False
    if not isinstance(value, dict) or not small or not is_within_depth(value):
        raise InvalidFieldError(
            "eventData",
            f"must be a JSON object of at most {MAX_EVENT_DATA_BYTES} bytes, "
            f"nested no deeper than {MAX_EVENT_DATA_DEPTH} levels",
        )
    return text


def _is_unicode(text: str) -> bool:
    """Whether a text can be written in UTF-8: JSON's escapes can also name halves of characters."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
