"""The Stripe account: every object it holds, the time, and the events it tells the world."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP
from typing import Any, Literal, Protocol, cast

import stripe
from stripe import Customer, Event, Invoice, StripeObject
from stripe.test_helpers import TestClock
from stripe.v2.core import Event as ThinEvent

from infra.stripe_standin.account.background import Background
from infra.stripe_standin.account.shapes import make, new_id, plain
from infra.stripe_standin.clocks.sandbox_clock import SandboxClock
from infra.stripe_standin.errors import missing
from infra.stripe_standin.meters.usage import Usage

# The one the installed SDK is pinned to.
API_VERSION = str(stripe.api_version)


class Identified(Protocol):
    """Whatever has an id, which is everything the account keeps."""

    id: str

    def to_dict(self, recursive: bool = True, for_json: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - the SDK's own
        """The object as JSON has it."""
        ...


@dataclass(frozen=True, slots=True)
class Due:
    """Something Stripe will do by itself.

    Attributes:
        at: When, in seconds since the epoch.
        act: Does it; afterwards the same thing is no longer due.
        test_clock: The test clock that decides when `at` has come, `None` for the sandbox clock.
        billing: Whether a billing period turns or an invoice finalises, so that callers who look
            every quarter of an hour have something to see.
    """

    at: int
    act: Callable[[], None]
    test_clock: str | None = None
    billing: bool = False


type Agenda = Callable[[Account], Iterator[Due]]


@dataclass(frozen=True, slots=True)
class Dunning:
    """What the dashboard calls "Manage failed payments" (docs.stripe.com/billing/revenue-recovery).

    Attributes:
        retry_days: Days after a failed attempt until the next, one per retry.
        finally_: What becomes of the subscription when the last retry has failed.
        one_off_retry_days: The same as `retry_days` of invoices that bill no subscription.
    """

    retry_days: tuple[int, ...] = (3, 5, 7)
    finally_: Literal["canceled", "unpaid", "past_due"] = "canceled"
    one_off_retry_days: tuple[int, ...] = ()


@dataclass
class Account:
    """All state, in memory. Handlers change it synchronously in one thread, so each call is atomic.

    Attributes:
        clock: The sandbox clock.
        public_url: Where browsers and clients reach the stand-in, without a trailing slash.
        background: What happens a moment later by itself.
        tell: Takes each new event to the webhook endpoints.
        tell_thin: The same for thin events.
        agendas: What each noun will do by itself; of one instant, earlier nouns first.
        dunning: How failed payments are retried.
        secrets: Each webhook endpoint's and event destination's signing secret.
        usage: What meters were told.
        subscription_data: What each Checkout session will subscribe with.
        customer_updates: What each Checkout session saves to its customer of what they type.
        tax_ids: The tax ids of customers, by their ids.
        set_up: Payment methods whose owner has authenticated them, so that later charges need not ask.
        overdue: Invoices whose due date has passed unpaid.
        collecting: Open invoices that Stripe has begun to collect by itself, and when it will have done so.
        given_up: Invoices made while their subscription's collection is paused, to be void or uncollectible.
        held: Drafts that were told when to finalise, and so wait for no webhook.
        unacknowledged: Events of new invoices on their way to some endpoint, and the invoice of each.
        previews: Invoices that are none, whose lines can be listed.
        finalization_error: The code with which drafts fail to finalise, while they do.
        rounding: How an invoice item's fraction of a cent is rounded, in the words of `decimal`.
        trial_notices: Subscriptions, with their trial's end, whose `trial_will_end` has been sent.
    """

    clock: SandboxClock
    public_url: str
    background: Background
    tell: Callable[[Event], None] = lambda _event: None
    tell_thin: Callable[[ThinEvent], None] = lambda _event: None
    agendas: tuple[Agenda, ...] = ()
    dunning: Dunning = field(default_factory=Dunning)
    secrets: dict[str, str] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    subscription_data: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    customer_updates: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    tax_ids: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    set_up: set[str] = field(default_factory=set)
    overdue: set[str] = field(default_factory=set)
    collecting: dict[str, int] = field(default_factory=dict)
    given_up: dict[str, str] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    unacknowledged: dict[str, str] = field(default_factory=dict)
    previews: dict[str, Invoice] = field(default_factory=dict)
    finalization_error: str | None = None
    rounding: str = ROUND_HALF_UP
    trial_notices: set[tuple[str, int]] = field(default_factory=set)
    _kept: dict[type[StripeObject], dict[str, StripeObject]] = field(default_factory=dict)

    def keep[T: Identified](self, thing: T) -> T:
        """Store a new object."""
        kept = cast("StripeObject", thing)
        self._kept.setdefault(type(kept), {})[thing.id] = kept
        return thing

    def forget(self, thing: Identified) -> None:
        """Delete an object."""
        del self._kept[type(cast("StripeObject", thing))][thing.id]

    def all[T: StripeObject](self, kind: type[T]) -> Iterator[T]:
        """Every object of a kind, newest first."""
        return reversed(list(cast("dict[str, T]", self._kept.get(kind, {})).values()))

    def find[T: StripeObject](self, kind: type[T], identifier: str | None) -> T | None:
        """An object by id, if there is one."""
        return cast("T | None", self._kept.get(kind, {}).get(identifier or ""))

    def get[T: StripeObject](self, kind: type[T], identifier: str, param: str = "id") -> T:
        """An object by id.

        Raises:
            RefusedError: `resource_missing`, naming `param`.
        """
        found = self.find(kind, identifier)
        if found is None:
            raise missing(str(getattr(kind, "OBJECT_NAME", kind.__name__)), identifier, param)
        return found

    def anything(self, identifier: str) -> StripeObject | None:
        """An object of whatever kind by id, for `expand`."""
        return next((kept[identifier] for kept in self._kept.values() if identifier in kept), None)

    def now(self, test_clock: object = None) -> int:
        """The time of a test clock's objects, or the sandbox clock's, in seconds.

        See docs.stripe.com/billing/testing.
        """
        if isinstance(test_clock, str) and (clock := self.find(TestClock, test_clock)):
            return clock.frozen_time
        return self.clock.timestamp()

    def now_of(self, customer: object) -> int:
        """The time a customer lives in; an unknown or absent one lives in the sandbox clock's."""
        known = self.find(Customer, customer) if isinstance(customer, str) else None
        return self.now(known.test_clock if known else None)

    def emit(self, name: str, about: StripeObject, previous: Mapping[str, Any] | None = None) -> None:
        """Record an event with a snapshot of its object and tell the endpoints.

        See docs.stripe.com/api/events.
        """
        snapshot = plain(about)
        event = make(
            Event,
            id=new_id("evt"),
            api_version=API_VERSION,
            created=self.now(snapshot.get("test_clock")),
            data={"object": snapshot} | ({"previous_attributes": dict(previous)} if previous else {}),
            pending_webhooks=0,
            request={"id": None, "idempotency_key": None},
            type=name,
        )
        self.tell(self.keep(event))

    @contextmanager
    def changing(self, name: str, thing: StripeObject) -> Iterator[None]:
        """Emit the event `name` if the block changes `thing`, with what it was before.

        That is null of what was left out before (*unverified*; docs.stripe.com/api/events/object).
        """
        before = plain(thing)
        yield
        after = plain(thing)
        previous = {key: before.get(key) for key in before | after if before.get(key) != after.get(key)}
        if previous:
            self.emit(name, thing, previous)
