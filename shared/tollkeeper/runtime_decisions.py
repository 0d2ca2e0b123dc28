"""What carries out what users decide is made of, beside what every function is made of (`runtime`)."""

from typing import TYPE_CHECKING

from tollkeeper import runtime

if TYPE_CHECKING:
    from tollkeeper.subscriptions.cancellations import Cancellations
    from tollkeeper.subscriptions.deciding import Deciding
    from tollkeeper.subscriptions.plan_changes import PlanChanges


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
    held = Finishing(bills, runtime.charging(bills, stripe), stripe)
    return Cancellations(_deciding(), CancelNow(runtime.users(), held, stripe, runtime.offer()))
