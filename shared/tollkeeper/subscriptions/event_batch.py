"""A batch of the queue's messages, each one of Stripe's events (DESIGN rule 10 and §8).

Stripe is asked once for each customer, about several side by side, and only while there is time. What is not
begun comes again at once; what failed for want of Stripe or DynamoDB comes again later, for as long as that
lasts. What can never be followed is a dead letter, with its reason.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tollkeeper.ledger.patience import ContendedError, Patience
from tollkeeper.ledger.table import TransactionCancelledError, UnavailableError
from tollkeeper.ledger.users import StaleRevisionError
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.event_queue import DeadEvent
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.subscriptions.stripe_events import Outcome, StripeEvents
from tollkeeper.telemetry import logger

SECONDS_FOR_A_CUSTOMER = 40.0
"""Time without which no customer is begun.

A call that Stripe does not answer ends after three attempts of eight seconds and the waits between, 27
seconds; before it there may have been some that were answered slowly.
"""

MOST_FAILURES = 20
"""Receives of an event that fails by itself, over almost four hours; then somebody must look."""

MOST_SILENCES = 3
"""Customers in a row whom Stripe did not answer about: then it is down, and the others need not try."""

PASSING = (
    StripeUnavailableError,
    UnavailableError,
    TransactionCancelledError,
    StaleRevisionError,
    ContendedError,
)
"""What is nobody's fault and ends by itself, perhaps after a day."""


def by_customer(events: Iterable[StripeEvent]) -> list[list[StripeEvent]]:
    """Return events by the customer they are about, the oldest first; those about none each by itself."""
    gathered: dict[str, list[StripeEvent]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.at):
        gathered[event.customer_id or f"none {event.id}"].append(event)
    return [*gathered.values()]


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """A message as SQS delivers it. `sent_at` is when, by the wall clock, SQS took it, if that is known."""

    message_id: str
    body: str
    receives: int = 1
    sent_at: datetime | None = None


@dataclass(slots=True)
class FollowedBatch:
    """What became of messages: those that must come again, and what was done about the others.

    Of those that failed, `postponed` were not begun, for want of time: they may come again at once. `letters`
    can never be followed, each with the reason.
    """

    failed: set[str] = field(default_factory=set)
    postponed: set[str] = field(default_factory=set)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    letters: list[tuple[QueuedEvent, str]] = field(default_factory=list)

    def add(self, other: "FollowedBatch") -> None:
        """Add what became of other messages."""
        self.failed |= other.failed
        self.postponed |= other.postponed
        self.outcomes.update(other.outcomes)
        self.letters += other.letters


type Group = Sequence[StripeEvent]
"""Events about one customer."""

type SideBySide = Callable[[Callable[[Group], FollowedBatch], Sequence[Group]], Iterable[FollowedBatch]]
"""Does the same for each group of events, as `map` does, perhaps for several at once."""


class DeadEventQueue(Protocol):
    """Where events are kept that cannot be followed."""

    def keep(self, events: Sequence[DeadEvent]) -> list[int]:
        """Keep events, and return the indexes of those that could not be."""


class EventBatch:
    """The events of some messages, each with the messages that brought it."""

    def __init__(self, messages: Sequence[QueuedEvent], stripe_events: StripeEvents) -> None:
        self._stripe_events = stripe_events
        self._events: dict[str, StripeEvent] = {}
        self._sources: dict[str, list[QueuedEvent]] = defaultdict(list)
        self._silences = 0
        self._unread = FollowedBatch()
        for message in messages:
            try:
                event = StripeEvent.read(message.body)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it will be so again
                self._unread.letters.append((message, f"it is no event of Stripe's: {error!r}"))
                continue
            self._events[event.id] = event
            self._sources[event.id].append(message)

    def follow(
        self,
        now: datetime,
        patience: Patience,
        dead_events: DeadEventQueue,
        side_by_side: SideBySide = map,
    ) -> FollowedBatch:
        """Follow all events, each customer's together, and keep what can never be followed.

        Those that came most often come last: should they stop the function, the others are done.
        """

        def follow(group: Group) -> FollowedBatch:
            if self._silences >= MOST_SILENCES:
                return self._failed(group)
            if patience.lasts(SECONDS_FOR_A_CUSTOMER):
                return self._follow(group, now, patience)
            return self._failed(group, postponed=True)

        followed = self._unread
        for each in side_by_side(follow, sorted(by_customer(self._events.values()), key=self._receives)):
            followed.add(each)
        dead = [DeadEvent(message.body, reason) for message, reason in followed.letters]
        for number in dead_events.keep(dead) if dead else ():
            followed.failed.add(followed.letters[number][0].message_id)
        return followed

    def _follow(self, group: Group, now: datetime, patience: Patience) -> FollowedBatch:
        followed = FollowedBatch()
        try:
            followed.outcomes.update(self._stripe_events.follow_together(group, now, self._told_at(group)))
        except PASSING as error:
            logger.warning("Stripe events come again", extra=self._named(group), exc_info=True)
            self._silences += isinstance(error, StripeUnavailableError)
            return self._failed(group)
        except Exception as error:  # noqa: BLE001 - one customer's trouble is not another's
            logger.exception("Stripe events could not be followed", extra=self._named(group))
            if len(group) > 1 and patience.lasts(SECONDS_FOR_A_CUSTOMER):
                for event in group:  # perhaps one of them is to blame, and not its neighbours
                    followed.add(self._follow([event], now, patience))
                return followed
            for message in self._messages(group):
                if message.receives < MOST_FAILURES or len(group) > 1:
                    followed.failed.add(message.message_id)
                else:
                    followed.letters.append((message, repr(error)))
        else:
            self._silences = 0
        return followed

    def _told_at(self, group: Group) -> datetime | None:
        """Return when all events of a group were on the queue, by the first message of each, if known."""
        sent = [[each.sent_at for each in self._sources[event.id] if each.sent_at] for event in group]
        return max(map(min, sent)) if all(sent) else None

    def _failed(self, group: Group, *, postponed: bool = False) -> FollowedBatch:
        ids = {message.message_id for message in self._messages(group)}
        return FollowedBatch(failed=ids, postponed=ids if postponed else set())

    def _messages(self, group: Group) -> list[QueuedEvent]:
        return [message for event in group for message in self._sources[event.id]]

    def _receives(self, group: Group) -> int:
        return max(message.receives for message in self._messages(group))

    def _named(self, group: Group) -> dict[str, object]:
        return {
            "events": [event.id for event in group],
            "messageIds": [message.message_id for message in self._messages(group)],
        }
