"""Which statuses are a subscription's life, and how it is over for good.

See docs.stripe.com/billing/subscriptions/overview.
"""

from collections.abc import Mapping
from typing import Any

from stripe import Invoice, Subscription

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.invoices import drafts

LIVE = ("trialing", "active", "past_due", "unpaid")
ENDED = ("canceled", "incomplete_expired")


def end(account: Account, subscription: Subscription, *, reason: str) -> None:
    """Cancel for good; a canceled subscription never comes back.

    See docs.stripe.com/billing/subscriptions/cancel.

    Args:
        account: The account.
        subscription: The subscription.
        reason: Why, as `cancellation_details` has it.
    """
    stop_collecting(account, subscription)
    now = account.now(subscription.test_clock)
    subscription.status = "canceled"
    subscription.ended_at = now
    subscription.canceled_at = subscription.canceled_at or now
    subscription.pending_update = None
    if subscription.cancellation_details and not subscription.cancellation_details.reason:
        subscription.cancellation_details["reason"] = reason
    account.emit("customer.subscription.deleted", subscription)


def stop_collecting(account: Account, subscription: Subscription) -> None:
    """Turn `auto_advance` off on its open and draft invoices.

    See docs.stripe.com/billing/subscriptions/cancel, "invoices": whoever still wants the money turns it on.
    """
    for invoice in account.all(Invoice):
        if invoice.status in ("draft", "open") and drafts.subscription_of(account, invoice) is subscription:
            account.collecting.pop(invoice.id, None)
            with account.changing("invoice.updated", invoice):
                invoice.auto_advance = False
                invoice.automatically_finalizes_at = invoice.next_payment_attempt = None


def managed_by_schedule(subscription: Subscription, param: str | None = None) -> RefusedError:
    """A subscription under a schedule is cancelled by the schedule, neither by the API nor in the portal.

    See docs.stripe.com/billing/subscriptions/subscription-schedules; the sentence is Stripe's.
    """
    return RefusedError(
        f"The subscription is managed by the subscription schedule `{subscription.schedule}`, and updating "
        "any cancelation behavior directly is not allowed. Please update the schedule instead.",
        param=param,
    )


def cancel_later(account: Account, subscription: Subscription, params: Mapping[str, Any], end: int) -> None:
    """Cancel later, or take that back, as `cancel_at` or `cancel_at_period_end` say.

    See docs.stripe.com/billing/subscriptions/cancel.

    Args:
        account: The account.
        subscription: The subscription.
        params: Of its update.
        end: When its period ends, in seconds.
    """
    now = account.now(subscription.test_clock)
    if "cancel_at_period_end" in params:
        subscription.cancel_at_period_end = params["cancel_at_period_end"]
        subscription.cancel_at = end if params["cancel_at_period_end"] else None
    if "cancel_at" in params:
        given = params["cancel_at"]
        if isinstance(given, int) and given <= now:
            raise RefusedError("cancel_at must lie in the future.", param="cancel_at")
        subscription.cancel_at = given if isinstance(given, int) else (end if given else None)
        subscription.cancel_at_period_end = False
    if params.keys() & {"cancel_at", "cancel_at_period_end"} and subscription.cancellation_details:
        subscription.canceled_at = now if subscription.cancel_at else None
        subscription.cancellation_details["reason"] = (
            "cancellation_requested" if subscription.cancel_at else None
        )
