"""What closes, charges and compares periods is made of."""

from typing import TYPE_CHECKING

from tollkeeper import runtime
from tollkeeper.runtime import usage

if TYPE_CHECKING:
    from tollkeeper.ledger.bills import Bills
    from tollkeeper.periods.charging import Charging
    from tollkeeper.periods.reconciler import Reconciler
    from tollkeeper.periods.reporter import Reporter
    from tollkeeper.stripe.gateway import StripeGateway

REPORTER_WORKERS = 20  # users charged side by side: as many as 25 calls a second to an endpoint keep busy
RECONCILER_WORKERS = 8  # users compared side by side

SHARE = 4
"""Which part of the calls that the deployment may make is the reconciler's: nobody waits for it."""


def charging(bills: "Bills", stripe: "StripeGateway") -> "Charging":
    """Return what charges bills."""
    from tollkeeper.periods.charging import Charging
    from tollkeeper.rules.bills import Apart, Policy

    mine = runtime.settings()
    policy = Policy(mine.longest_hold, Apart.WRITE_OFF if mine.writes_off else Apart.INVOICE)
    return Charging(bills, stripe, runtime.catalogue(), policy, mine.deployment)


def reporter() -> "Reporter":
    """Return what closes and charges periods."""
    from concurrent.futures import ThreadPoolExecutor

    from tollkeeper.ledger.bills import Bills
    from tollkeeper.periods.reporter import STRIPE_PATIENCE_SECONDS, Reporter
    from tollkeeper.periods.settling import Settling

    seconds, pace = STRIPE_PATIENCE_SECONDS, runtime.settings().stripe_calls_per_second
    stripe = runtime.stripe_gateway(patience_seconds=seconds, calls_per_second=pace)
    settling = Settling(usage.usage_queue(), usage.queue_backlog())
    several = ThreadPoolExecutor(REPORTER_WORKERS).map
    charges = charging(Bills(runtime.table()), stripe)
    return Reporter(runtime.table(), charges, settling, runtime.clock(), several)


def reconciler() -> "Reconciler":
    """Return what compares closed periods with what was billed."""
    from concurrent.futures import ThreadPoolExecutor

    from tollkeeper.periods.reconciler import STRIPE_PATIENCE_SECONDS, Reconciler

    mine = runtime.settings()
    stripe = runtime.stripe_gateway(
        patience_seconds=STRIPE_PATIENCE_SECONDS, calls_per_second=mine.stripe_calls_per_second / SHARE
    )
    several = ThreadPoolExecutor(RECONCILER_WORKERS).map
    return Reconciler(runtime.table(), stripe, runtime.catalogue(), mine.deployment, runtime.clock(), several)
