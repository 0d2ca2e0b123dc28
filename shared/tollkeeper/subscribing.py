"""How what Stripe says becomes the user's row (DESIGN rule 10): a webhook only hints, Stripe is asked."""

from datetime import datetime

from tollkeeper.ledger.accounts import Accounts, StaleRevisionError
from tollkeeper.rules import audit
from tollkeeper.rules.accounts import periods_bound
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import choose
from tollkeeper.stripe_gateway import StripeGateway

MOST_ATTEMPTS = 8


def synchronise(
    customer_id: str,
    accounts: Accounts,
    stripe: StripeGateway,
    offer: Offer,
    *,
    now: datetime,
    event_id: str | None,
) -> bool:
    """Write what Stripe says now of a customer's subscriptions; False if the customer is not ours.

    The row's revision is read before Stripe is asked and must stand when the answer is written, so that of
    two at work at once the older answer never wins. It moves even when nothing changed, for the same reason.

    Raises:
        StaleRevisionError: others wrote the row again and again.
        StripeUnavailableError: Stripe did not answer.
    """
    user_id = stripe.user_of(customer_id)
    if user_id is None:
        return False
    for attempt in range(MOST_ATTEMPTS):
        account = accounts.history(user_id)
        subscription = choose(stripe.subscriptions_of(customer_id))
        if subscription is None:
            return True
        entry = audit.of_subscription(user_id, account.subscription, subscription, at=now, event_id=event_id)
        periods = periods_bound(account, subscription, offer)
        try:
            accounts.write_subscription(account, subscription, periods, entry)
        except StaleRevisionError:
            if attempt == MOST_ATTEMPTS - 1:
                raise
        else:
            return True
    return False
