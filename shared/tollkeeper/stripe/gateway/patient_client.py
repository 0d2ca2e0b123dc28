"""Waiting where Stripe asks for patience (docs.stripe.com/rate-limits): the SDK repeats no 429 by itself."""

import random
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from itertools import count
from typing import Any

import stripe

from tollkeeper.stripe.gateway.pacing import Pacing

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 8.0


class PatientClient(stripe.RequestsClient):
    """The SDK's HTTP client, which waits out 429s.

    It waits longer each time and by chance, or as long as Stripe says, and no more than `patience_seconds` in
    all for one call. After that the 429 is the answer. With a `pacing` every attempt keeps to that.
    """

    def __init__(
        self,
        timeout: float,
        patience_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
        pacing: Pacing | None = None,
    ) -> None:
        super().__init__(timeout=timeout)
        self._patience_seconds = patience_seconds
        self._pacing = pacing
        self._wait = sleep

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,  # noqa: ANN401 - the SDK's
        **_: object,
    ) -> Any:  # noqa: ANN401 - the SDK says text, and returns bytes
        """Send a request, again and again while there is patience."""
        waited = 0.0
        for attempt in count():
            if self._pacing:
                self._pacing.wait(url)
            answer = super().request(method, url, headers, post_data)
            status, told = answer[1:]
            if status != HTTPStatus.TOO_MANY_REQUESTS or not _may_be_repeated(method, told):
                break
            seconds = _seconds(attempt, told)
            if waited + seconds > self._patience_seconds:
                break
            self._wait(seconds)
            waited += seconds
        return answer


def _may_be_repeated(method: str, told: Mapping[str, str]) -> bool:
    """Whether the same call may be sent again.

    What a limiter refused never began, and says which limiter it was. Any other 429 is a lock timeout: it is
    kept under the call's idempotency key and would only be replayed, so a write needs another key.
    """
    return method.upper() == "GET" or "stripe-rate-limited-reason" in {name.lower() for name in told}


def _seconds(attempt: int, told: Mapping[str, str]) -> float:
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**attempt)
    wait = random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, guards nothing
    asked = next((value for name, value in told.items() if name.lower() == "retry-after"), "")
    return max(wait, float(asked)) if asked.isascii() and asked.isdigit() else wait
