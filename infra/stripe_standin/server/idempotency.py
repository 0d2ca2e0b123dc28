"""Asking twice: the first answer to a key is kept for a day (docs.stripe.com/api/idempotent_requests)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.stripe_standin.errors import RefusedError

type Answer = tuple[int, dict[str, Any]]
type Question = tuple[str, str, str]

KEY_MEMORY = 24 * 3600
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Remembered:
    """The first answer to an idempotency key."""

    question: Question
    at: int
    answer: Answer


class IdempotencyKeys:
    """What was first asked under each key, and answered."""

    def __init__(self) -> None:
        self._first: dict[str, Remembered] = {}

    def once(
        self, key: str, question: Question, now: int, execute: Callable[[], Answer]
    ) -> tuple[Answer, bool]:
        """Replay the first answer to the key, or execute and remember.

        Args:
            key: The caller's key.
            question: The method, the path and the parameters as JSON.
            now: Seconds since the epoch; a key is forgotten after a day.
            execute: Does what is asked; a refusal is its answer, not its error.

        Returns:
            The answer, and whether it is a replay.

        Raises:
            RefusedError: The key is too long, or was used for another question.
        """
        if len(key) > LONGEST_KEY:
            raise RefusedError("Idempotency keys are at most 255 characters.", kind="idempotency_error")
        known = self._first.get(key)
        if known and now - known.at < KEY_MEMORY:
            if known.question != question:
                raise RefusedError(
                    "Keys for idempotent requests can only be used with the same parameters they were first "
                    f"used with. Try using a key other than '{key}' if you meant a different request.",
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                )
            return known.answer, True
        answer = execute()
        if answer[0] != 429:  # noqa: PLR2004 - a limited request never began, so it is not remembered
            self._first[key] = Remembered(question, now, answer)
        return answer, False
