"""How many customers' events are followed side by side: as many as keep Stripe's pace."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from math import ceil

from tollkeeper.subscriptions.event_batch import SideBySide

SECONDS_OF_SLOW_STRIPE = 1.6
"""What following a customer's events takes while Stripe is slow: no call waits longer for its turn."""

MOST_WORKERS = 32
"""As many as AWS's clients have connections."""


def workers_for(calls_per_second: float) -> int:
    """Return by how many customers at once so many calls a second are made, one for each customer."""
    return min(ceil(calls_per_second * SECONDS_OF_SLOW_STRIPE), MOST_WORKERS)


@cache
def side_by_side(calls_per_second: float) -> SideBySide:
    """Return what does the same for several customers at once; where one does, that is whoever asks."""
    workers = workers_for(calls_per_second)
    return ThreadPoolExecutor(workers).map if workers > 1 else map
