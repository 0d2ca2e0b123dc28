"""What compares what was billed is made of, beside what every function is made of (`runtime`)."""

from typing import TYPE_CHECKING

from tollkeeper import runtime

if TYPE_CHECKING:
    from tollkeeper.periods.reconciler import Reconciler

WORKERS = 8  # users compared side by side

SHARE = 4
"""Which part of the calls that the deployment may make is the reconciler's: nobody waits for it."""


def reconciler() -> "Reconciler":
    """Return what compares closed periods with what was billed."""
    from concurrent.futures import ThreadPoolExecutor

    from tollkeeper.periods.reconciler import STRIPE_PATIENCE_SECONDS, Reconciler

    mine = runtime.settings()
    stripe = runtime.stripe_gateway(
        patience_seconds=STRIPE_PATIENCE_SECONDS, calls_per_second=mine.stripe_calls_per_second / SHARE
    )
    several = ThreadPoolExecutor(WORKERS).map
    return Reconciler(runtime.table(), stripe, runtime.catalogue(), mine.deployment, runtime.clock(), several)
