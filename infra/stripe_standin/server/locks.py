"""Objects that one call changes while another wants to (docs.stripe.com/rate-limits#object-lock-timeouts)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from infra.stripe_standin.errors import RefusedError


def locked() -> RefusedError:
    """Another call is at work on the object: a 429 that no limiter sends, and that idempotency keys keep."""
    return RefusedError(
        "This object cannot be accessed right now because another API request or Stripe process is "
        "currently accessing it. If you see this error intermittently, retry the request.",
        status=429,
        code="lock_timeout",
    )


class Locks:
    """The ids of what is being changed. Stripe waits for a while first; the stand-in does not."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    @contextmanager
    def held(self, method: str, identifiers: Sequence[object]) -> Iterator[None]:
        """Lock what a call is about until it is done; reading needs no lock.

        Raises:
            RefusedError: Another call holds one of them.
        """
        wanted = {str(identifier) for identifier in identifiers if identifier} if method != "GET" else set()
        if wanted & self._held:
            raise locked()
        self._held |= wanted
        try:
            yield
        finally:
            self._held -= wanted
