"""The SDK's errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import stripe

from tollkeeper.stripe.errors import StripeFailedError, StripeRefusedError, StripeUnavailableError

PASSING = (
    stripe.APIConnectionError,
    stripe.RateLimitError,
    stripe.APIError,
    # The key's fault, not the call's: somebody is rolling it, and the same call succeeds under the next one.
    stripe.AuthenticationError,
    stripe.PermissionError,
)


def is_replayed(error: stripe.StripeError) -> bool:
    """Whether Stripe only repeats what it answered the first time that an idempotency key came."""
    headers = {str(name).lower(): value for name, value in (error.headers or {}).items()}
    return headers.get("idempotent-replayed") == "true"


@contextmanager
def keyed() -> Iterator[None]:
    """Turn the errors of a call under an idempotency key into ours.

    A failure of Stripe's own is kept under the key and repeated, and so is a lock that was waited for in
    vain; a key that was used with other parameters is spent, too (docs.stripe.com/api/idempotent_requests).
    What a limiter refused never began, and what got no answer may have been done: the same key goes for both.
    """
    with translated():
        try:
            yield
        except stripe.StripeError as error:
            if _is_spent(error):
                raise StripeFailedError(str(error)) from error
            raise


def _is_spent(error: stripe.StripeError) -> bool:
    status = error.http_status or 0
    if isinstance(error, stripe.IdempotencyError):
        return status == HTTPStatus.BAD_REQUEST
    return is_replayed(error) or status >= HTTPStatus.INTERNAL_SERVER_ERROR or _is_locked(error)


def _is_locked(error: stripe.StripeError) -> bool:
    """Whether an object was locked for too long. The SDK leaves out the code of a 429, but not its body."""
    return error.error is not None and error.error.code == "lock_timeout"


@contextmanager
def translated() -> Iterator[None]:
    """Turn the SDK's errors into ours: those that may pass, and those that will not."""
    try:
        yield
    except PASSING as error:
        raise StripeUnavailableError(str(error)) from error
    except stripe.StripeError as error:
        # A conflict is an idempotency key, or an object, that another call is at just now.
        if (
            error.http_status == HTTPStatus.CONFLICT
            or (error.http_status or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR
        ):
            raise StripeUnavailableError(str(error)) from error
        raise StripeRefusedError(str(error)) from error
