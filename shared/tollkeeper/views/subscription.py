"""What a user is shown of their subscription."""

from datetime import datetime, timedelta
from math import ceil

from tollkeeper.api.models import OverageOut, PaymentMethodOut, SubscriptionOut, TrialOut
from tollkeeper.catalogue import Catalogue
from tollkeeper.rules.limits import billable, overage
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import PaymentMethod, effective_plan
from tollkeeper.rules.users import User, period_at, terms_in_force

ONE_DAY = timedelta(days=1)


def overview(user: User, catalogue: Catalogue, offer: Offer, now: datetime) -> SubscriptionOut:
    """Return plan, usage of every metric, limits and overage in the period that holds `now`.

    `projected_total` is the plan's price, unless the subscription ends before, and the overage so far, as
    far as a spending cap allows it.
    """
    period = period_at(user, now, offer)
    terms = terms_in_force(user, period, now, offer)
    plan = effective_plan(user.subscription, now)
    over = overage(period)
    billed = billable(period, user.spending_cap)
    subscription = user.subscription
    in_trial = subscription is not None and subscription.in_trial
    trial_end = subscription.trial_end if subscription else None
    price = (
        catalogue.plans[plan].price if subscription and subscription.renews and plan in catalogue.plans else 0
    )
    return SubscriptionOut(
        plan=plan,
        status=subscription.status if subscription else None,
        usage={metric: period.used.get(metric, 0) for metric in catalogue.metrics},
        limits={metric: terms.limit(metric) for metric in catalogue.metrics},
        overage={
            metric: OverageOut(quantity=each.quantity, amount=each.amount) for metric, each in over.items()
        },
        projected_total=price + sum(each.amount for each in billed.values()),
        spending_cap=user.spending_cap,
        customer_id=user.customer_id,
        subscription_id=subscription.id if subscription else None,
        current_period_start=period.start,
        current_period_end=period.end,
        trial=TrialOut(
            active=in_trial,
            ends_at=trial_end,
            days_left=max(0, ceil((trial_end - now) / ONE_DAY)) if in_trial and trial_end else 0,
        ),
        cancel_at=subscription.cancel_at if subscription else None,
        payment_method=_payment_method(subscription.payment_method if subscription else None),
    )


def _payment_method(method: PaymentMethod | None) -> PaymentMethodOut | None:
    if method is None:
        return None
    card = method.card
    return PaymentMethodOut(
        type=method.type,
        brand=card.brand if card else None,
        last4=card.last4 if card else None,
        exp_month=card.exp_month if card else None,
        exp_year=card.exp_year if card else None,
    )
