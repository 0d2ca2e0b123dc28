"""Asking twice: the first answer to a key is kept for a day (docs.stripe.com/api/idempotent_requests)."""

from dataclasses import dataclass
from typing import Any

from infra.stripe_standin.errors import RefusedError

type Answer = tuple[int, dict[str, Any]]
type Question = tuple[str, str, str]

KEY_MEMORY = 24 * 3600
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Remembered:
    """The first answer to an idempotency key; `request` is the id of the call that got it."""

    question: Question
    at: int
    request: str
    answer: Answer


class IdempotencyKeys:
    """What was first asked under each key, and answered.

    What began to execute is kept, a 500 and a lock timeout's 429 too. What failed before that is not: no
    key (401), a limiter's 429, invalid parameters, a key that is in use
    (docs.stripe.com/error-low-level, "content errors").
    """

    def __init__(self) -> None:
        self._first: dict[str, Remembered] = {}
        self._in_use: set[str] = set()

    def claim(self, key: str, question: Question, now: int) -> Remembered | None:
        """The first answer to the key, to be replayed; without any, the key is in use until `keep`.

        Args:
            key: The caller's key.
            question: The method, the path and the parameters as JSON.
            now: Seconds since the epoch; a key is forgotten after a day.

        Raises:
            RefusedError: The key is too long, was used for another question (400), or belongs to a call that
                has no answer yet (409, `idempotency_key_in_use`; *unverified* of which `type`).
        """
        if len(key) > LONGEST_KEY:
            raise RefusedError("Idempotency keys are at most 255 characters.", kind="idempotency_error")
        if key in self._in_use:
            raise RefusedError(
                "There is currently another in-progress request using this Idempotent Key (that probably "
                f"means you submitted twice, and the other request is still going through): {key}.",
                status=409,
                code="idempotency_key_in_use",
            )
        known = self._first.get(key)
        if known is None or now - known.at >= KEY_MEMORY:
            self._in_use.add(key)
            return None
        if known.question != question:
            raise RefusedError(
                "Keys for idempotent requests can only be used with the same parameters they were first "
                f"used with. Try using a key other than '{key}' if you meant a different request.",
                kind="idempotency_error",
            )
        return known

    def keep(self, key: str, first: Remembered) -> None:
        """Keep the first answer to a key."""
        self._first[key] = first

    def release(self, key: str) -> None:
        """The call that claimed the key is over, kept or not."""
        self._in_use.discard(key)
