"""How many calls Stripe takes at a time (docs.stripe.com/rate-limits); off until switched on."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.stripe_standin.errors import RefusedError

SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls pass; `None` is any number.

    Stripe's sandboxes allow 25 operations a second, and as many to each endpoint by default
    (docs.stripe.com/rate-limits).

    Attributes:
        per_second: Calls a second to the whole account.
        per_endpoint: Calls a second to each endpoint, which is a method and a path whatever the ids in it.
        concurrent: Calls to each endpoint under way at once.
    """

    per_second: int | None = None
    per_endpoint: int | None = None
    concurrent: int | None = None


def limited(reason: str) -> RefusedError:
    """A limiter's 429, with its name in `Stripe-Rate-Limited-Reason`; a 429 without is a lock timeout."""
    return RefusedError(
        "Request rate limit exceeded. You can learn more about rate limits here "
        "https://docs.stripe.com/rate-limits.",
        status=429,
        code="rate_limit",
        limited_by=reason,
    )


class Limiters:
    """Counts calls on the wall clock, as the sandbox clock may stand still."""

    def __init__(self) -> None:
        self.limits = Limits()
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def admitted(self, endpoint: str) -> Iterator[None]:
        """Let a call to an endpoint pass, until it is answered.

        Raises:
            RefusedError: Too many came, or are under way (429).
        """
        self._count("", self.limits.per_second, "global-rate")
        self._count(endpoint, self.limits.per_endpoint, "endpoint-rate")
        if self.limits.concurrent is not None and self._under_way[endpoint] >= self.limits.concurrent:
            raise limited("endpoint-concurrency")
        self._under_way[endpoint] += 1
        try:
            yield
        finally:
            self._under_way[endpoint] -= 1

    def _count(self, what: str, most: int | None, reason: str) -> None:
        if most is None:
            return
        now, recent = time.monotonic(), self._recent[what]
        while recent and recent[0] <= now - SECOND:
            recent.popleft()
        if len(recent) >= most:
            raise limited(reason)
        recent.append(now)
