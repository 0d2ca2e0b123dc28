"""Stripe's objects as values of the rules."""

from collections.abc import Mapping
from datetime import datetime

import stripe

from tollkeeper.catalogue import FREE
from tollkeeper.rules.subscriptions import Card, Cause, PaymentMethod, Status, Subscription
from tollkeeper.rules.times import from_epoch


def subscription(
    of: stripe.Subscription,
    plans: Mapping[str, str],
    *,
    unpaid: stripe.Invoice | None,
    pending_plan: str | None,
    payment_method: stripe.PaymentMethod | None,
) -> Subscription:
    """Return what Stripe says of a subscription.

    `plans` are the plans' names by the ids of their products, `unpaid` is the oldest invoice that is still to
    be paid of a subscription past due, `pending_plan` the plan that follows at its period's end, and
    `payment_method` what its invoices are charged to.
    """
    base = base_item(of, plans)
    return Subscription(
        id=of.id,
        customer_id=str(of.customer),
        plan=plans.get(str(base.price.product), FREE),
        status=Status(of.status),
        created=from_epoch(of.created),
        period_start=from_epoch(base.current_period_start),
        period_end=from_epoch(base.current_period_end),
        trial_end=_instant(of.trial_end),
        cancel_at=_instant(of.cancel_at)
        or (from_epoch(base.current_period_end) if of.cancel_at_period_end else None),
        ended_at=_instant(of.ended_at),
        past_due_since=_failed_at(unpaid) if unpaid else None,
        first_charge_failed=unpaid is not None and _is_first_after_trial(unpaid, of),
        canceled_for=_cause(of),
        pending_plan=pending_plan,
        payment_method=_payment_method(payment_method),
    )


def base_item(of: stripe.Subscription, plans: Mapping[str, str]) -> stripe.SubscriptionItem:
    """Return the item of a subscription that is its plan's; `plans` are by the ids of their products."""
    # A property named like a dict's method: `items` is Stripe's list of subscription items here.
    items: list[stripe.SubscriptionItem] = of["items"].data
    return next((item for item in items if str(item.price.product) in plans), items[0])


def phase_after(of: stripe.Subscription) -> stripe.SubscriptionSchedule.Phase | None:
    """Return the phase that a subscription's schedule, which came with it, enters next, if there is one."""
    schedule = of.schedule
    if not isinstance(schedule, stripe.SubscriptionSchedule) or schedule.current_phase is None:
        return None
    end = schedule.current_phase.end_date
    return next((phase for phase in schedule.phases if phase.start_date == end), None)


def comment(cause: Cause) -> str:
    """Return what Stripe is told of a cause, from which it can be read again."""
    return f"tollkeeper:{cause}"


def _cause(of: stripe.Subscription) -> Cause | None:
    told = of.cancellation_details and of.cancellation_details.comment
    return {comment(cause): cause for cause in Cause}.get(told or "") if of.ended_at else None


def _payment_method(method: stripe.PaymentMethod | None) -> PaymentMethod | None:
    """Return a payment method that is still its customer's; of a card alone there are numbers to show."""
    if method is None or method.customer is None:
        return None
    # Stripe leaves out the key of every type but the method's own, and reading what was left out raises.
    card = method.card if "card" in method else None
    return PaymentMethod(
        method.type, Card(card.brand, card.last4, card.exp_month, card.exp_year) if card else None
    )


def _failed_at(invoice: stripe.Invoice) -> datetime:
    """Return when an invoice was first asked to be paid, which is when it is finalised."""
    return _instant(invoice.status_transitions.finalized_at) or from_epoch(invoice.created)


def _is_first_after_trial(invoice: stripe.Invoice, of: stripe.Subscription) -> bool:
    """Whether an invoice closes the trial: of a renewal, it names the period that it looks back on."""
    return invoice.billing_reason == "subscription_cycle" and invoice.period_end == of.trial_end


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else from_epoch(seconds)
