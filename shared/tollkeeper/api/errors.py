"""Which error means which reply: one table, for every function that answers HTTP.

It imports no framework and nothing that imports one, so that the fast paths use it too.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from tollkeeper.api.authorization import ForbiddenError, UnauthenticatedError
from tollkeeper.api.replies import Fault, Reply, failure, too_large, unavailable, validation_failed
from tollkeeper.api.requests import TooLargeError
from tollkeeper.ledger.consuming import Obstacle, ObstacleError
from tollkeeper.ledger.decisions import UnderWayError
from tollkeeper.ledger.patience import ContendedError
from tollkeeper.ledger.table import TransactionCancelledError, UnavailableError
from tollkeeper.ledger.users import StaleRevisionError
from tollkeeper.rules.fields import InvalidFieldError
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.subscriptions.errors import (
    AlreadySubscribedError,
    AuthenticationRequiredError,
    ChangeRefusedError,
    NoCustomerError,
    NoSubscriptionError,
    NotMadeGoodError,
    PaymentDueError,
    PaymentFailedError,
    SamePlanError,
    SubscriptionEndedError,
    SubscriptionEndingError,
)
from tollkeeper.telemetry import logger
from tollkeeper.usage.errors import NotQueuedError, TooManyRecordsError
from tollkeeper.views.errors import NoUpcomingInvoiceError, UnknownInvoiceError

BUSY: tuple[type[Exception], ...] = (
    ContendedError,
    NotQueuedError,
    StaleRevisionError,
    StripeUnavailableError,
    TransactionCancelledError,
    UnavailableError,
)
"""What passes by itself: others were at the same rows, or somebody did not answer."""


def _invalid(error: InvalidFieldError) -> Reply:
    return validation_failed(Fault(error.field, error.message))


def _too_large(error: Exception) -> Reply:
    return too_large(str(error))


def _unauthenticated(_: UnauthenticatedError) -> Reply:
    message = "Send a token that is meant for this call as Authorization: Bearer …"
    return failure(HTTPStatus.UNAUTHORIZED, "unauthorized", message)


def _forbidden(error: ForbiddenError) -> Reply:
    return failure(HTTPStatus.FORBIDDEN, "forbidden", str(error))


def _already_subscribed(_: AlreadySubscribedError) -> Reply:
    message = "You have a subscription already. Change its plan instead of buying a second one."
    return failure(HTTPStatus.CONFLICT, "already_subscribed", message)


def _payment_due(error: PaymentDueError) -> Reply:
    message = "An invoice of your subscription is not paid. Pay it before you buy or change anything."
    return failure(HTTPStatus.CONFLICT, "payment_due", message, hostedInvoiceUrl=error.page)


def _no_customer(_: NoCustomerError) -> Reply:
    message = "You have not subscribed yet, so there is nothing to look after. Subscribe first."
    return failure(HTTPStatus.CONFLICT, "no_customer", message)


def _no_upcoming_invoice(_: NoUpcomingInvoiceError) -> Reply:
    message = "No invoice is to come, for no subscription of yours renews."
    return failure(HTTPStatus.NOT_FOUND, "no_upcoming_invoice", message)


def _unknown_invoice(_: UnknownInvoiceError) -> Reply:
    return failure(HTTPStatus.NOT_FOUND, "unknown_invoice", "You have no such invoice.")


DECISIONS: Mapping[type[Exception], tuple[HTTPStatus, str, str]] = {
    NoSubscriptionError: (
        HTTPStatus.CONFLICT,
        "no_subscription",
        "You have no subscription. Buy one first.",
    ),
    SubscriptionEndedError: (
        HTTPStatus.CONFLICT,
        "subscription_ended",
        "Your subscription has ended. Buy a new one.",
    ),
    SubscriptionEndingError: (
        HTTPStatus.CONFLICT,
        "subscription_ending",
        "Your subscription ends with this period. Resume it before you change to a lower plan.",
    ),
    SamePlanError: (HTTPStatus.CONFLICT, "same_plan", "You have this plan already."),
    UnderWayError: (
        HTTPStatus.CONFLICT,
        "change_under_way",
        "Another change of your subscription is under way. Try again in a moment.",
    ),
    ChangeRefusedError: (
        HTTPStatus.CONFLICT,
        "change_refused",
        "Stripe does not make this change. See what your subscription is now, and try again.",
    ),
    PaymentFailedError: (
        HTTPStatus.PAYMENT_REQUIRED,
        "payment_failed",
        "The payment failed, and your plan stays as it is. Pay on the page, or try another card.",
    ),
    AuthenticationRequiredError: (
        HTTPStatus.PAYMENT_REQUIRED,
        "authentication_required",
        "Your bank wants you to confirm the payment, and your plan stays until then. Confirm it on the page.",
    ),
}
"""Why what a user decides about their subscription does not hold: status, code, and a sentence."""


def _undecided(error: Exception) -> Reply:
    status, code, message = DECISIONS[type(error)]
    page = error.page if isinstance(error, NotMadeGoodError) else None
    return failure(status, code, message, **({"hostedInvoiceUrl": page} if page else {}))


OBSTACLES = {
    Obstacle.UNKNOWN: (HTTPStatus.NOT_FOUND, "This id was never consumed of this metric."),
    Obstacle.CONFLICT: (HTTPStatus.CONFLICT, "This id stands for something else; use a new one."),
    Obstacle.RELEASED: (HTTPStatus.CONFLICT, "This id was consumed and released; use a new one."),
    Obstacle.PERIOD_CLOSED: (HTTPStatus.CONFLICT, "The period is closed; report a correction instead."),
}


def _obstacle(error: ObstacleError) -> Reply:
    status, message = OBSTACLES[error.obstacle]
    return failure(status, error.obstacle, message)


def _unavailable(error: Exception) -> Reply:
    logger.warning("Answered 503", exc_info=error)
    return unavailable()


REPLIES: Mapping[type[Exception], Callable[[Any], Reply]] = {
    InvalidFieldError: _invalid,
    TooLargeError: _too_large,
    TooManyRecordsError: _too_large,
    UnauthenticatedError: _unauthenticated,
    ForbiddenError: _forbidden,
    AlreadySubscribedError: _already_subscribed,
    PaymentDueError: _payment_due,
    NoCustomerError: _no_customer,
    NoUpcomingInvoiceError: _no_upcoming_invoice,
    UnknownInvoiceError: _unknown_invoice,
    **dict.fromkeys(DECISIONS, _undecided),
    ObstacleError: _obstacle,
    **dict.fromkeys(BUSY, _unavailable),
}
"""The reply to each error that a request may meet, its subclasses included. Any other is our fault: 500."""


def reply_to(error: Exception) -> Reply:
    """Return the reply to an error.

    Raises:
        Exception: the error itself, if none of the table's.
    """
    for kind in type(error).__mro__:
        if kind in REPLIES:
            return REPLIES[kind](error)
    raise error
