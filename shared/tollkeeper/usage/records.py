"""Usage records and corrections as they are sent, through the API or straight to the queue."""

import json
from datetime import datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StrictInt,
)
from pydantic.alias_generators import to_camel

from tollkeeper.rules.times import parse_iso
from tollkeeper.rules.usage import (
    FURTHEST_AHEAD,
    LONGEST_USER_ID,
    MAX_EVENT_DATA_BYTES,
    MAX_EVENT_DATA_DEPTH,
    MAX_ID_LENGTH,
    MAX_QUANTITY,
    OLDEST,
    is_within_depth,
)


class Sent(BaseModel):
    """What is sent to us: camelCase, by its names in JSON and no others, and nothing unknown is taken."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


def _is_small(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if not is_within_depth(data):
        raise ValueError(f"is nested deeper than {MAX_EVENT_DATA_DEPTH} levels")
    size = len(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    if size > MAX_EVENT_DATA_BYTES:
        raise ValueError(f"is {size} bytes of JSON; at most {MAX_EVENT_DATA_BYTES} are kept")
    return data


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 text, for example 2025-11-03T17:04:05Z")  # noqa: TRY004 - pydantic's way
    return parse_iso(value)


Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]
UserId = Annotated[str, Field(min_length=1, max_length=LONGEST_USER_ID)]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
Quantity = Annotated[StrictInt, Field(ge=1, le=MAX_QUANTITY)]
EventType = Annotated[str, Field(description="A metric of the catalogue, such as apiCalls.")]
EventData = Annotated[dict[str, JsonValue], AfterValidator(_is_small)]


class UsageRecordIn(Sent):
    """One thing a user did, under an id that is the same however often it is sent."""

    id: Id
    user_id: UserId
    event_type: EventType
    quantity: Quantity = 1
    timestamp: Annotated[
        Instant | None,
        Field(
            description=f"When it happened; now, if left out. At most {OLDEST.days} days ago and "
            f"{FURTHEST_AHEAD.seconds // 60} minutes ahead."
        ),
    ] = None
    facility_id: Id | None = None
    event_data: EventData | None = None


class CorrectionIn(Sent):
    """What takes counted usage back, in the period that is open now. Nothing counted is ever edited."""

    id: Id
    user_id: UserId
    event_type: EventType
    quantity: Annotated[StrictInt, Field(ge=-MAX_QUANTITY, le=-1)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    actor: Annotated[str, Field(min_length=1, max_length=256, description="Who corrects.")]
