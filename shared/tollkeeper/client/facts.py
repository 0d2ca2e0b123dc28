"""What is counted, made fit for Tollkeeper before it waits: nothing of it is refused later (DESIGN §8)."""

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

logger = logging.getLogger("tollkeeper.client")

LONGEST_ID = 128
LONGEST_USER = 256
MOST_QUANTITY = 1_000_000_000
MOST_DATA_BYTES = 4_096
MOST_DATA_DEPTH = 32


class UncountableError(ValueError):
    """What should be counted says no user, no known metric or no quantity that could be."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A user did something. `data` is JSON text; None where there is none."""

    user: str
    metric: str
    quantity: int = 1
    facility: str | None = None
    data: str | None = None


def fact(
    metrics: Collection[str],
    user: object,
    metric: object,
    quantity: object = 1,
    facility: object = None,
    data: Mapping[str, object] | None = None,
) -> Fact:
    """Return what can be counted. A facility or data that Tollkeeper would refuse is left out, and told.

    Raises:
        UncountableError: user, metric or quantity cannot be.
    """
    if not _is_text(user, LONGEST_USER):
        raise UncountableError(f"a user is a text of 1 to {LONGEST_USER} characters, not {user!r:.99}")
    if not isinstance(metric, str) or metric not in metrics:
        raise UncountableError(f"there is no metric {metric!r:.99}; the metrics are {', '.join(metrics)}")
    if type(quantity) is not int or not 1 <= quantity <= MOST_QUANTITY:
        raise UncountableError(
            f"a quantity is a whole number from 1 to {MOST_QUANTITY}, not {quantity!r:.99}"
        )
    if facility is not None and not _is_text(facility, LONGEST_ID):
        logger.error("Counted without its facility", extra={"facility": repr(facility)[:99]})
        facility = None
    return Fact(str(user), metric, quantity, None if facility is None else str(facility), _json(data))


def _is_text(value: object, longest: int) -> bool:
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a character
        return False
    return True


def _json(data: Mapping[str, object] | None) -> str | None:
    if not data:
        return None
    try:
        if not _is_within_depth(data, MOST_DATA_DEPTH):
            raise ValueError("nested too deeply")  # noqa: TRY301 - told with the others
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        if len(text.encode()) <= MOST_DATA_BYTES:
            return text
        raise ValueError(f"over {MOST_DATA_BYTES} bytes")  # noqa: TRY301 - the same
    except (TypeError, ValueError, RecursionError) as error:
        logger.error("Counted without its data", extra={"why": str(error)})  # noqa: TRY400 - no trace is needed
        return None


def _is_within_depth(data: object, most: int) -> bool:
    if isinstance(data, Mapping):
        data = list(data.values())
    return not isinstance(data, list | tuple) or (
        most > 0 and all(_is_within_depth(each, most - 1) for each in data)
    )
