"""Which statuses are a subscription's life, and how it is over for good.

See docs.stripe.com/billing/subscriptions/overview.
"""

from stripe import Subscription

from infra.stripe_standin.account.state import Account

LIVE = ("trialing", "active", "past_due", "unpaid")
ENDED = ("canceled", "incomplete_expired")


def end(account: Account, subscription: Subscription, *, reason: str) -> None:
    """Cancel for good; a canceled subscription never comes back.

    See docs.stripe.com/billing/subscriptions/cancel.
    """
    now = account.now(subscription.test_clock)
    subscription.status = "canceled"
    subscription.ended_at = now
    subscription.canceled_at = subscription.canceled_at or now
    subscription.pending_update = None
    if subscription.cancellation_details and not subscription.cancellation_details.reason:
        subscription.cancellation_details["reason"] = reason
    account.emit("customer.subscription.deleted", subscription)
