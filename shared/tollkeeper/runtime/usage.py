"""What takes usage in and counts it is made of."""

from functools import cache
from typing import TYPE_CHECKING

from tollkeeper import runtime

if TYPE_CHECKING:
    from tollkeeper.ledger.tracking import QueueBacklog
    from tollkeeper.usage.intake import Intake
    from tollkeeper.usage.queue import UsageQueue
    from tollkeeper.usage.tracker import Tracker

TRACKER_WORKERS = 16  # users counted side by side: as many transactions as keep a small processor busy


@cache
def usage_queue() -> "UsageQueue":
    """Return the queue that usage records travel on."""
    from tollkeeper.usage.queue import UsageQueue

    return UsageQueue(runtime.sqs(), runtime.settings().usage_queue_url)


@cache
def intake() -> "Intake":
    """Return what takes usage in."""
    from tollkeeper.usage.intake import Intake

    return Intake(usage_queue(), runtime.catalogue().metrics)


@cache
def queue_backlog() -> "QueueBacklog":
    """Return what is noted of the usage queue."""
    from tollkeeper.ledger.tracking import QueueBacklog

    return QueueBacklog(runtime.table())


@cache
def tracker() -> "Tracker":
    """Return what counts the usage queue's messages."""
    from concurrent.futures import ThreadPoolExecutor

    from tollkeeper.ledger.counting import Counting
    from tollkeeper.ledger.tracking import MessageAttempts
    from tollkeeper.usage.queue import DeadLetters
    from tollkeeper.usage.tracker import Tracker

    counting, attempts = Counting(runtime.table(), runtime.offer()), MessageAttempts(runtime.table())
    dead_letters = DeadLetters(runtime.sqs(), runtime.settings().usage_dead_letter_queue_url)
    several = ThreadPoolExecutor(TRACKER_WORKERS).map
    return Tracker(counting, dead_letters, attempts, queue_backlog(), runtime.catalogue().metrics, several)
