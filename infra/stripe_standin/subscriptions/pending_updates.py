"""Changes that wait for their invoice's payment (docs.stripe.com/billing/subscriptions/pending-updates)."""

from collections.abc import Iterator, Sequence
from functools import partial

from stripe import Invoice, Subscription, SubscriptionItem

from infra.stripe_standin.account.shapes import make, metadata
from infra.stripe_standin.account.state import Account, Due
from infra.stripe_standin.invoices import collection, finalization
from infra.stripe_standin.subscriptions import billing_cycle

LIFE = 23 * 3600


def due(account: Account) -> Iterator[Due]:
    """Pending updates that expire; before the renewals of the same instant."""
    for subscription in account.all(Subscription):
        if subscription.pending_update:
            clock = str(subscription.test_clock) if subscription.test_clock else None
            expiry = subscription.pending_update.expires_at
            yield Due(expiry, partial(_expire, account, subscription), clock)


def hold(
    account: Account,
    subscription: Subscription,
    items: Sequence[SubscriptionItem],
    new_metadata: dict[str, str] | None,
) -> None:
    """Let a change wait: until the trial ends, the period ends, or 23 hours are over, whichever is first.

    See docs.stripe.com/billing/subscriptions/pending-updates-reference#expiration.
    """
    ends = [account.now(subscription.test_clock) + LIFE, billing_cycle.period(subscription)[1]]
    if subscription.status == "trialing" and subscription.trial_end:
        ends.append(subscription.trial_end)
    subscription.pending_update = make(
        Subscription.PendingUpdate,
        expires_at=min(ends),
        metadata=metadata(new_metadata) if new_metadata is not None else None,
        subscription_items=list(items),
    )


def drop(account: Account, subscription: Subscription) -> None:
    """Give a pending update up and void its invoice: another update or a schedule's phase came first.

    *Unverified* that no event but the invoice's and the subscription's own tells.
    """
    for invoice in account.all(Invoice):
        if collection.is_of_pending_update(account, invoice, subscription):
            finalization.void(account, invoice)
    subscription.pending_update = None


def _expire(account: Account, subscription: Subscription) -> None:
    with account.changing("customer.subscription.updated", subscription):
        drop(account, subscription)
    account.emit("customer.subscription.pending_update_expired", subscription)
