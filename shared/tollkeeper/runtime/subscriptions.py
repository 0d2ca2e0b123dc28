"""What begins, changes and ends subscriptions is made of."""

from functools import cache
from typing import TYPE_CHECKING

from tollkeeper import runtime
from tollkeeper.runtime import periods

if TYPE_CHECKING:
    from tollkeeper.ledger.spending_caps import SpendingCaps
    from tollkeeper.subscriptions.cancellations import Cancellations
    from tollkeeper.subscriptions.checkout import Checkout
    from tollkeeper.subscriptions.deciding import Deciding
    from tollkeeper.subscriptions.plan_changes import PlanChanges
    from tollkeeper.subscriptions.portal import Portal
    from tollkeeper.subscriptions.sweep import Sweep


@cache
def spending_caps() -> "SpendingCaps":
    """Return the book of spending caps."""
    from tollkeeper.ledger.spending_caps import SpendingCaps

    return SpendingCaps(runtime.table(), runtime.offer())


def checkout() -> "Checkout":
    """Return what opens checkout sessions."""
    from tollkeeper.subscriptions.checkout import Checkout

    origins = runtime.settings().allowed_origins
    return Checkout(runtime.users(), runtime.stripe_gateway(), runtime.catalogue(), origins)


def portal() -> "Portal":
    """Return what opens Stripe's portal."""
    from tollkeeper.subscriptions.portal import Portal

    return Portal(runtime.users(), runtime.stripe_gateway(), runtime.settings().allowed_origins)


def _deciding() -> "Deciding":
    from tollkeeper.ledger.decisions import Decisions
    from tollkeeper.subscriptions.deciding import Deciding

    users, decisions, stripe = runtime.users(), Decisions(runtime.table()), runtime.stripe_gateway()
    return Deciding(users, decisions, stripe, runtime.offer(), runtime.settings().deployment)


def plan_changes() -> "PlanChanges":
    """Return what changes users' plans."""
    from tollkeeper.subscriptions.plan_changes import PlanChanges

    return PlanChanges(_deciding())


def cancellations() -> "Cancellations":
    """Return what ends subscriptions, and lets them go on."""
    from tollkeeper.ledger.bills import Bills
    from tollkeeper.periods.finishing import Finishing
    from tollkeeper.subscriptions.cancellations import Cancellations
    from tollkeeper.subscriptions.cancelling import CancelNow

    bills, stripe = Bills(runtime.table()), runtime.stripe_gateway()
    held = Finishing(bills, periods.charging(bills, stripe), stripe)
    return Cancellations(_deciding(), CancelNow(runtime.users(), held, stripe, runtime.offer()))


def sweep() -> "Sweep":
    """Return what puts right what webhooks missed."""
    from tollkeeper.ledger.bills import Bills
    from tollkeeper.ledger.sweep_progress import SweepProgressBook
    from tollkeeper.subscriptions.sweep import STRIPE_PATIENCE_SECONDS, Sweep

    bills, progress = Bills(runtime.table()), SweepProgressBook(runtime.table())
    stripe = runtime.stripe_gateway(patience_seconds=STRIPE_PATIENCE_SECONDS)
    deployment = runtime.settings().deployment
    return Sweep(runtime.users(), bills, stripe, runtime.offer(), deployment, progress)
