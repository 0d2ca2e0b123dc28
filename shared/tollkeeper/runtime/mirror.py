"""What shows Stripe usage is made of."""

from typing import TYPE_CHECKING

from tollkeeper import runtime

if TYPE_CHECKING:
    from tollkeeper.mirror.usage_mirror import UsageMirror

WORKERS = 20
"""Users shown side by side: as many as 25 calls a second to an endpoint keep busy."""


def usage_mirror() -> "UsageMirror":
    """Return what shows Stripe each day's usage."""
    from concurrent.futures import ThreadPoolExecutor

    from tollkeeper.ledger.history import History
    from tollkeeper.ledger.shown_days import ShownDays
    from tollkeeper.mirror.usage_mirror import STRIPE_PATIENCE_SECONDS, Mirrored, UsageMirror

    settings, table = runtime.settings(), runtime.table()
    stripe = runtime.stripe_gateway(
        patience_seconds=STRIPE_PATIENCE_SECONDS, calls_per_second=settings.stripe_calls_per_second
    )
    mirrored = Mirrored(runtime.users(), History(table), runtime.catalogue(), settings.deployment)
    return UsageMirror(ShownDays(table), mirrored, stripe, ThreadPoolExecutor(WORKERS).map)
