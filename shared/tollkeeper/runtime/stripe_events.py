"""What takes Stripe's events and follows them is made of."""

from functools import cache
from typing import TYPE_CHECKING

from tollkeeper import runtime

if TYPE_CHECKING:
    from tollkeeper.stripe.event_queue import DeadEvents, StripeEventQueue
    from tollkeeper.subscriptions.stripe_events import StripeEvents


@cache
def stripe_event_queue() -> "StripeEventQueue":
    """Return the queue that Stripe's events wait on."""
    from tollkeeper.stripe.event_queue import StripeEventQueue

    return StripeEventQueue(runtime.sqs(), runtime.settings().stripe_event_queue_url)


@cache
def dead_events() -> "DeadEvents":
    """Return where Stripe's events go that cannot be followed."""
    from tollkeeper.stripe.event_queue import DeadEvents

    return DeadEvents(runtime.sqs(), runtime.settings().stripe_event_dead_letter_queue_url)


def stripe_events() -> "StripeEvents":
    """Return what follows Stripe's events up."""
    from tollkeeper.ledger.bills import Bills
    from tollkeeper.subscriptions.stripe_events import StripeEvents

    mine, bills = runtime.settings(), Bills(runtime.table())
    stripe = runtime.stripe_gateway(calls_per_second=mine.stripe_calls_each)
    return StripeEvents(runtime.users(), bills, stripe, runtime.offer(), mine.deployment)
