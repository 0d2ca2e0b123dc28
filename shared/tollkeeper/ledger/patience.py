"""How long a writer tries again when others are at the same items, or DynamoDB is short of breath."""

import random
import time
from collections.abc import Callable

FIRST_WAIT = 0.02
LONGEST_WAIT = 1.0


class ContendedError(Exception):
    """Others, or DynamoDB itself, stood in the way until the time was up. Nothing is known to be wrong."""


class Patience:
    """Waits between attempts, longer each time and by chance, as long as there is time.

    `seconds_left` says how much of it there is; boto3 retries throttles, but never lost races.
    """

    def __init__(
        self, seconds_left: Callable[[], float], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._seconds_left = seconds_left
        self._sleep = sleep

    @property
    def seconds_left(self) -> float:
        """How much time there is."""
        return self._seconds_left()

    def lasts(self, seconds: float) -> bool:
        """Whether there are more than so many seconds left."""
        return self._seconds_left() > seconds

    def wait(self, attempt: int) -> None:
        """Wait before the next attempt; `attempt` counts from 0.

        Raises:
            ContendedError: the wait would outlast the time that is left.
        """
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt)
        if not self.lasts(longest):
            raise ContendedError
        self._sleep(random.uniform(0, longest))  # noqa: S311 - spreads load, guards nothing

    def wait_for(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            ContendedError: the wait would outlast the time that is left.
        """
        if not self.lasts(seconds):
            raise ContendedError
        self._sleep(seconds)


def for_seconds(seconds: float) -> Patience:
    """Return the patience of a caller who has so much time from now on."""
    end = time.monotonic() + seconds
    return Patience(lambda: end - time.monotonic())
