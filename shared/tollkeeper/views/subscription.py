"""What a user is shown of their subscription."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from tollkeeper.catalogue import FREE
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.overage import Overage, billable, overage
from tollkeeper.rules.subscriptions import PaymentMethod, Subscription, effective_plan
from tollkeeper.rules.users import User, period_at, terms_in_force

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TrialView:
    """A trial: whether the user is in it, its end, and the days left, with the one that has begun."""

    active: bool
    ends_at: datetime | None
    days_left: int


@dataclass(frozen=True, slots=True)
class PaymentMethodView:
    """What the next invoice is charged to, by Stripe's word for its type; all else is None but of a card."""

    type: str
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """A user's plan and what they have used of it in the present period.

    Limits of -1 are unlimited; amounts are cents. `status` is Stripe's, `plan` what it gives the user.
    """

    plan: str
    status: str | None
    usage: Mapping[str, int]
    limits: Mapping[str, int]
    overage: Mapping[str, Overage]
    projected_total: int
    spending_cap: int | None
    customer_id: str | None
    subscription_id: str | None
    current_period_start: datetime
    current_period_end: datetime | None
    trial: TrialView
    cancel_at: datetime | None
    pending_plan: str | None
    payment_method: PaymentMethodView | None


def overview(user: User, offer: Offer, now: datetime) -> SubscriptionView:
    """Return plan, usage of every metric, limits and overage in the period that holds `now`.

    `projected_total` is the price of the plan that holds by then, unless the subscription ends before, and
    the overage so far, as far as a spending cap allows it.
    """
    catalogue = offer.catalogue
    period = period_at(user, now, offer)
    terms = terms_in_force(user, period, now, offer)
    plan = effective_plan(user.subscription, now)
    billed = billable(period)
    subscription = user.subscription
    renewed = (
        (subscription.pending_plan or plan) if subscription and subscription.renews and plan != FREE else FREE
    )
    return SubscriptionView(
        plan=plan,
        status=subscription.status if subscription else None,
        usage={metric: period.used.get(metric, 0) for metric in catalogue.metrics},
        limits={metric: terms.limit(metric) for metric in catalogue.metrics},
        overage=overage(period),
        projected_total=offer.price(renewed) + sum(each.amount for each in billed.values()),
        spending_cap=user.spending_cap,
        customer_id=user.customer_id,
        subscription_id=subscription.id if subscription else None,
        current_period_start=period.start,
        current_period_end=period.end,
        trial=_trial(subscription, now),
        cancel_at=subscription.cancel_at if subscription else None,
        pending_plan=subscription.pending_plan if subscription else None,
        payment_method=_payment_method(subscription.payment_method) if subscription else None,
    )


def _payment_method(method: PaymentMethod | None) -> PaymentMethodView | None:
    if method is None or method.card is None:
        return None if method is None else PaymentMethodView(method.type)
    card = method.card
    return PaymentMethodView(method.type, card.brand, card.last4, card.exp_month, card.exp_year)


def _trial(subscription: Subscription | None, now: datetime) -> TrialView:
    if subscription is None:
        return TrialView(active=False, ends_at=None, days_left=0)
    end, active = subscription.trial_end, subscription.in_trial
    left = max(0, ceil((end - now) / ONE_DAY)) if active and end else 0
    return TrialView(active, end, left)
