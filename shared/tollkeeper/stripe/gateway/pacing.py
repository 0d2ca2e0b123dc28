"""Calls that keep to Stripe's own pace (docs.stripe.com/rate-limits): so many a second to each endpoint."""

import time
from collections.abc import Callable
from threading import Lock
from urllib.parse import urlsplit


class Pacing:
    """Spreads calls to one endpoint evenly over time, whichever threads make them.

    An endpoint is taken for all of a resource: that is never more than Stripe allows.
    """

    def __init__(
        self,
        calls_per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds_between = 1 / calls_per_second
        self._clock = clock
        self._sleep = sleep
        self._free_at: dict[str, float] = {}
        self._lock = Lock()

    def wait(self, url: str) -> None:
        """Wait until a call to this address may be made."""
        endpoint = _endpoint(url)
        with self._lock:
            now = self._clock()
            at = max(now, self._free_at.get(endpoint, now))
            self._free_at[endpoint] = at + self._seconds_between
        if at > now:
            self._sleep(at - now)


def _endpoint(url: str) -> str:
    """Return version and resource of an address: `v1/customers` of `https://…/v1/customers/cus_1?limit=3`."""
    return "/".join(urlsplit(url).path.strip("/").split("/")[:2])
