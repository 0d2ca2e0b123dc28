"""The SDK's errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import stripe

from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError

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
