"""Cancelling now or later (docs.stripe.com/billing/subscriptions/cancel)."""

from stripe import Subscription
from stripe.params import SubscriptionCancelParams

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions import prorations, subscription_changes, subscription_status

routes = Routes()


@routes.delete("/v1/subscriptions/{subscription}", SubscriptionCancelParams)
def cancel(account: Account, params: SubscriptionCancelParams, subscription: str) -> Subscription:
    """Cancel now (docs.stripe.com/api/subscriptions/cancel).

    `invoice_now` bills what is pending, `prorate` credits unexpired time.
    """
    known = account.get(Subscription, subscription)
    if known.ended_at:
        raise RefusedError(f"No such subscription: {subscription}", status=404, code="resource_missing")
    for name, value in params.get("cancellation_details", {}).items():
        if known.cancellation_details:
            known.cancellation_details[name] = value or None
    end_now(
        account, known, invoice_now=params.get("invoice_now", False), prorate=params.get("prorate", False)
    )
    return known


def end_now(account: Account, subscription: Subscription, *, invoice_now: bool, prorate: bool) -> None:
    """Cancel at once, with a last invoice and credit for unexpired time if wanted."""
    now = account.now(subscription.test_clock)
    if prorate:
        for item in prorations.prorate(account, subscription, [], now):
            account.keep(item)
    subscription_status.stop_collecting(account, subscription)
    if invoice_now:
        # *Unverified* that the last invoice is collected at once, as here.
        subscription_changes.bill_now(account, subscription)
    subscription_status.end(account, subscription, reason="cancellation_requested")
