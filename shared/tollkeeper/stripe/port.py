"""What Tollkeeper asks of Stripe, by Stripe's nouns, and the values that cross.

A use case takes the nouns it needs: it names them in a Protocol of its own, made of these. The gateway gives
the answers; in tests a fake does, and `tests/integration/stripe_port` holds both to what stands here.

Every call raises `StripeUnavailableError` when Stripe does not answer or asks for patience, and
`StripeRefusedError` when it refuses, as it does for an id that it does not know.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from tollkeeper.rules.invoices import Invoice, Renewal
from tollkeeper.rules.metering import MeterEvent
from tollkeeper.rules.subscriptions import Cause, Subscription
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.customer_port import InvoiceHistory, PortalSessions
from tollkeeper.stripe.event_types import EventType
from tollkeeper.stripe.events import StripeEvent


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """What a checkout session is for. `trial_days` is 0 for a user who has had their trial."""

    user_id: str
    customer_id: str
    plan: str
    trial_days: int
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A page of Stripe's on which the user pays."""

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class OwnInvoice:
    """What an invoice of a bill's own is made for: `bill` names it in its metadata."""

    bill: str
    user_id: str
    customer_id: str
    subscription_id: str
    description: str


@dataclass(frozen=True, slots=True)
class MeterRejection:
    """Meter events that Stripe took and then rejected for one reason: how many, and some of them."""

    code: str
    count: int
    samples: Sequence[str]


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What a change of plan would cost, in cents: what is due now, and the total of the next bill."""

    due_now: int
    next_total: int


@dataclass(frozen=True, slots=True)
class PendingPayment:
    """The payment that an upgrade waits for: the page on which it is paid, and whether the bank asks."""

    page: str | None
    needs_authentication: bool


class ListedSubscription(NamedTuple):
    """A subscription among all customers', with its user; None where it cannot be read."""

    user_id: str
    customer_id: str
    created: datetime
    subscription: Subscription | None


class Accounts(Protocol):
    """The account that the key is of."""

    def is_of_this_account(self, event: StripeEvent) -> bool:
        """Whether an event is of the key's account and mode, live or test, as far as it says."""


class Customers(Protocol):
    """Who pays, at Stripe."""

    def create_customer(self, user_id: str, replacing: str | None = None) -> str:
        """Return the id of the user's customer, made unless the same call made it within a day.

        That holds across releases, whatever else they note on a customer. `replacing` is the customer they
        had, if that was deleted.
        """

    def has_customer(self, customer_id: str) -> bool:
        """Whether a customer is still there, and not deleted."""

    def user_of(self, customer_id: str) -> str | None:
        """Return whose customer it is; None if this deployment did not make it, or Stripe does not know it.

        Of a deleted customer Stripe tells the id alone: then their subscriptions name the user.
        """


class Subscriptions(Protocol):
    """The subscriptions that this deployment made."""

    def subscriptions_of(self, customer_id: str) -> list[Subscription]:
        """Return what Stripe says now of all of a customer's, the newest first, ended ones among them."""

    def subscriptions(self, until: datetime | None = None) -> Iterator[ListedSubscription]:
        """Return all customers' subscriptions that are not cancelled, the newest first.

        Those that were created at `until` or before, if that is given. They are fetched as they are taken.
        """

    def payment_page(self, subscription_id: str) -> str | None:
        """Return the page on which the oldest open invoice of a subscription is paid; None if none is."""

    def cancel_subscription(self, subscription_id: str, cause: Cause) -> None:
        """Cancel a subscription at once. One that has ended already stays as it is.

        What was paid for a duplicate and not used is credited to the customer; nothing is to a user who
        cancels. Invoices of it that are open or drafts, as of a first charge that failed, are no longer
        collected.
        """


class SubscriptionChanges(Protocol):
    """What changes a subscription that goes on.

    A call with a `key` is made once, however often it is sent under that key. Whether it was is read from the
    subscription. It raises `StripeFailedError` when Stripe answered with a failure that it will repeat under
    this key.
    """

    def preview_change(self, subscription_id: str, plan: str, *, now: bool) -> ChangePreview:
        """Return what a change would cost that holds now, or from the period's end. Nothing is changed.

        The next bill is Stripe's: it has no overage on it yet, and is of nothing if the subscription ends.
        """

    def change_plan(self, subscription_id: str, plan: str, key: str) -> None:
        """Move a subscription to a plan now, if what is due for it is paid; else it is pending at Stripe.

        In a trial nothing is due. An update that was pending before is given up, and its invoice is void.
        """

    def pending_payment(self, subscription_id: str) -> PendingPayment | None:
        """Return what a subscription's pending update waits for, if it has one."""

    def schedule_plan(self, subscription_id: str, plan: str, key: str) -> None:
        """Put a subscription under a schedule that gives it another plan from its period's end, for good.

        One that it is under already is rewritten. Two calls: if only the first one was made, the schedule
        changes nothing, and this goes on from there.
        """

    def release_schedule(self, subscription_id: str, key: str) -> None:
        """Let a subscription go on as it is, without the schedule that it may be under.

        One that has ended is left alone.
        """

    def cancel_at_period_end(self, subscription_id: str, key: str) -> None:
        """Have a subscription end with its present period. One under a schedule refuses."""

    def resume_subscription(self, subscription_id: str, key: str) -> None:
        """Take back that a subscription is to end, however that was said. One under a schedule refuses."""


class CheckoutSessions(Protocol):
    """The pages on which customers subscribe."""

    def create_checkout_session(self, order: CheckoutOrder) -> CheckoutSession:
        """Open a page to subscribe on.

        The card is always collected, unless the catalogue lets a trial begin without one. A trial that ends
        without one cancels the subscription.
        """

    def open_checkout_sessions(self, customer_id: str) -> list[str]:
        """Return the ids of the sessions on which a customer could still pay, the newest first."""

    def expire_checkout_session(self, session_id: str) -> None:
        """Close a session, so that nobody can pay on it. One that was paid on or closed stays as it is."""


class Events(Protocol):
    """The events that Stripe keeps for thirty days."""

    def undelivered_events(
        self, since: datetime, types: Sequence[EventType], until: datetime | None = None
    ) -> Iterator[StripeEvent]:
        """Return the events of these types that Stripe could not deliver to somebody, the newest first.

        Those from `since` to `until`, both included, whatever deployment they are of. They are fetched as
        they are taken.
        """

    def endings(self, since: datetime, until: datetime | None = None) -> Iterator[StripeEvent]:
        """Return the ends of subscriptions, delivered or not, the newest first, and likewise."""

    def rejections(self, event_id: str) -> list[MeterRejection]:
        """Return what a thin event tells of meter events that Stripe took and then rejected."""


class Invoices(Protocol):
    """The invoices that overage is charged on.

    A call with a `key` is made once, however often it is sent under that key. Whether it was is read from the
    invoice, never from the answer. Those calls raise `StripeFailedError` when Stripe answered with a failure
    that it will repeat under this key: if the invoice does not show its effect, the next key may be tried.
    """

    def renewal(self, subscription_id: str, ended_at: datetime) -> Renewal:
        """Return the invoice that renews a subscription where one of its periods ended.

        One whose base line starts that second. Its draft can be used if the subscription lives, its
        collection is not paused and Stripe will finalise it by itself. It is awaited while the subscription
        lives and is collected, and there is no such invoice at all. One that cannot be used and bears lines
        of charges is returned as such.
        """

    def invoice(self, invoice_id: str) -> Invoice | None:
        """Return an invoice as it is now, with all its lines; None if it was deleted."""

    def invoices_since(self, customer_id: str, since: datetime) -> list[Invoice]:
        """Return a customer's invoices made at a time or later, the newest first; of one deleted too."""

    def own_invoices(self, customer_id: str, bill: str, since: datetime) -> list[Invoice]:
        """Return the invoices that were made for a bill since then, the oldest first; not those deleted."""

    def create_invoice(self, order: OwnInvoice, key: str) -> None:
        """Make a draft that stands by itself: without a subscription, without discounts, not advancing.

        It has the subscription's currency, taxes, way of collection and payment method.
        """

    def finalize_at(self, invoice_id: str, at: datetime) -> None:
        """Have Stripe finalise a draft that advances at a time, and no sooner."""

    def add_lines(self, invoice_id: str, lines: Sequence[ChargeLine], key: str) -> None:
        """Put all of some charges onto a draft, or none; no discount takes anything off them."""

    def remove_lines(self, invoice_id: str, line_ids: Sequence[str]) -> None:
        """Take lines off a draft and delete them: they are left for no other invoice."""

    def finalize_invoice(self, invoice_id: str) -> None:
        """Finalise a draft now, and let Stripe collect it."""


class Prices(Protocol):
    """What things are sold at."""

    def prices(self, lookup_keys: Sequence[str]) -> Mapping[str, Decimal | None]:
        """Return the active prices with these lookup keys, in the catalogue's currency and cents.

        None where it is no flat price in that currency; what there is no price of is left out.
        """


class MeterEvents(Protocol):
    """Usage, as Stripe's meters are told of it."""

    def send_meter_event(self, event: MeterEvent) -> None:
        """Tell Stripe of usage. What Stripe has under this identifier already is not counted again."""

    def showing_meters(self, names: Collection[str]) -> frozenset[str]:
        """Return those of some meters that count, and that no active price bills by."""


class Stripe(
    Accounts,
    Customers,
    Subscriptions,
    SubscriptionChanges,
    CheckoutSessions,
    PortalSessions,
    Invoices,
    InvoiceHistory,
    Events,
    MeterEvents,
    Prices,
    Protocol,
):
    """All of it."""
