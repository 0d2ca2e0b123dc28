"""The phases of a subscription schedule (docs.stripe.com/api/subscription_schedules/object)."""

from collections.abc import Mapping, Sequence
from typing import Any

from stripe import Price, Subscription, SubscriptionSchedule

from infra.stripe_standin.account.shapes import make, metadata
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.subscriptions.periods import end_after

type Phase = SubscriptionSchedule.Phase


def present(subscription: Subscription, start: int, end: int) -> Phase:
    """The subscription as it stands, as a phase."""
    items = [{"price": item.price.id, "quantity": item.quantity} for item in subscription.items.data]
    trial_end = subscription.trial_end if subscription.status == "trialing" else None
    return _phase(subscription, {"items": items, "trial_end": trial_end}, start, end)


def read(
    account: Account,
    subscription: Subscription,
    schedule: SubscriptionSchedule,
    given: Sequence[Mapping[str, Any]],
) -> list[Phase]:
    """Each phase starts where the one before ends; the last, without an end, lasts one interval.

    Stripe keeps the current phase's start date: it must be given as it stands.
    """
    if not given or schedule.current_phase is None:
        raise RefusedError("Give at least one phase.", param="phases")
    start = schedule.current_phase.start_date
    if given[0].get("start_date", start) != start:
        raise RefusedError(
            "You can not modify the start date of the current phase.", param="phases[0][start_date]"
        )
    phases = []
    for at, one in enumerate(given):
        if one.get("start_date", start) != start:
            raise RefusedError("Phases must follow one another.", param=f"phases[{at}][start_date]")
        end = _end_date(account, one, start, f"phases[{at}]")
        phases.append(_phase(subscription, one, start, end))
        start = end
    return phases


def _phase(subscription: Subscription, given: Mapping[str, Any], start: int, end: int) -> Phase:
    return make(
        SubscriptionSchedule.Phase,
        add_invoice_items=[],
        currency=subscription.currency,
        discounts=[],
        end_date=end,
        items=[
            {
                "discounts": [],
                "metadata": metadata(item.get("metadata")),
                "plan": item["price"],
                "price": item["price"],
                "quantity": item.get("quantity"),
            }
            for item in given["items"]
        ],
        metadata=metadata(given.get("metadata")),
        proration_behavior=given.get("proration_behavior", "create_prorations"),
        start_date=start,
        trial_end=given.get("trial_end"),
    )


def quantity(given: int | None) -> dict[str, int]:
    """The `quantity` parameter of an item, where one is given."""
    return {} if given is None else {"quantity": given}


def _end_date(account: Account, given: Mapping[str, Any], start: int, param: str) -> int:
    if "price" not in given["items"][0]:
        raise lacking("phases without ready-made prices")
    recurring = account.get(Price, given["items"][0]["price"], f"{param}[items][0][price]").recurring
    end = given.get("end_date")
    if isinstance(end, int):
        if end <= start:
            raise RefusedError("A phase must end after it starts.", param=f"{param}[end_date]")
        return end
    duration = given.get("duration")
    if duration:
        span = Price.Recurring.construct_from(
            {"interval_count": 1, **duration, "usage_type": "licensed"}, None
        )
        return end_after(start, span, start)
    if recurring is None:
        raise RefusedError("Phases take recurring prices.", param=f"{param}[items][0][price]")
    return end_after(start, recurring, start)
