"""What announces changes is made of."""

from functools import cache
from typing import TYPE_CHECKING

import boto3

from tollkeeper import runtime
from tollkeeper.aws import AWS

if TYPE_CHECKING:
    from tollkeeper.announcements.announcer import EventBus
    from tollkeeper.announcements.dead_letters import StreamDeadLetters


@cache
def event_bus() -> "EventBus":
    """Return where announcements are published."""
    from tollkeeper.announcements.announcer import EventBus

    return EventBus(boto3.client("events", config=AWS), runtime.settings().event_bus_name)


@cache
def stream_dead_letters() -> "StreamDeadLetters":
    """Return where changes are put aside that can never be announced."""
    from tollkeeper.announcements.dead_letters import StreamDeadLetters

    return StreamDeadLetters(runtime.sqs(), runtime.settings().stream_dead_letter_queue_url)
