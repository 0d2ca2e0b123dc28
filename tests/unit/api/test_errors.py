"""Which error means which reply."""

import json

import pytest

from tollkeeper.api.authorization import UnauthenticatedError
from tollkeeper.api.errors import reply_to
from tollkeeper.api.requests import TooLargeError
from tollkeeper.ledger.patience import ContendedError
from tollkeeper.ledger.table import TransactionCancelledError, UnavailableError
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.rules.usage import UnknownMetricError
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.subscriptions.errors import AlreadySubscribedError, ForeignOriginError, UnknownPlanError
from tollkeeper.usage.errors import NotQueuedError, TooManyRecordsError

METRICS = ("apiCalls", "exports")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidFieldError("from", "comes after to"), 422, "validation_failed"),
        (UnknownMetricError("apiCall", METRICS), 422, "validation_failed"),
        (UnknownPlanError("platinum", ("starter",)), 422, "validation_failed"),
        (ForeignOriginError("successUrl", ("https://app.test",)), 422, "validation_failed"),
        (TooLargeError("Send less."), 413, "too_large"),
        (TooManyRecordsError("Send fewer."), 413, "too_large"),
        (UnauthenticatedError(), 401, "unauthorized"),
        (AlreadySubscribedError(), 409, "already_subscribed"),
        (ContendedError(), 503, "unavailable"),
        (NotQueuedError(), 503, "unavailable"),
        (StripeUnavailableError(), 503, "unavailable"),
        (TransactionCancelledError([]), 503, "unavailable"),
        (UnavailableError(), 503, "unavailable"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_means_a_status_and_a_code(error: Exception, status: int, code: str) -> None:
    """The same wherever it is met."""
    found = reply_to(error)
    assert (status, code) == (found["statusCode"], json.loads(found["body"])["error"])


def test_what_cannot_be_used_says_what_could() -> None:
    """The field is named as in the request, and the message ends with what there is."""
    message = "there is no metric 'apiCall'. The metrics are apiCalls, exports."
    assert [{"path": "eventType", "message": message}] == json.loads(
        reply_to(UnknownMetricError("apiCall", METRICS))["body"]
    )["fields"]


def test_a_message_does_not_repeat_whatever_was_sent() -> None:
    """A name of a megabyte, or of characters that cannot be written, is cut short and escaped."""
    message = UnknownMetricError("\ud800" + "x" * 100, METRICS).message
    assert f"there is no metric '\\ud800{'x' * 63}…'. The metrics are apiCalls, exports." == message


def test_any_other_error_is_ours() -> None:
    """It is raised again, so that it is a 500, logged and alarmed."""
    with pytest.raises(ZeroDivisionError):
        reply_to(ZeroDivisionError())
