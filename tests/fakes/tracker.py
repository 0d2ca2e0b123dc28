"""A tracker over a table, with all that stands beside it."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.tracking import MessageAttempts, QueueBacklog
from tollkeeper.usage.tracker import DeadLetterQueue, Tracker


def tracker_of(
    table: Table,
    counting: Counting,
    dead_letters: DeadLetterQueue,
    metrics: Collection[str],
    workers: int = 1,
) -> Tracker:
    """Return a tracker that keeps what it notes in a table."""
    several = ThreadPoolExecutor(workers).map if workers > 1 else map
    attempts, backlog = MessageAttempts(table), QueueBacklog(table)
    return Tracker(counting, dead_letters, attempts, backlog, metrics, several)
