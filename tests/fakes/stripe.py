"""Stripe as the port has it, in memory; tests/integration/stripe_port keeps it honest."""

from calendar import monthrange
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from tests.examples import CATALOGUE, NOW
from tests.fakes.customer_pages import FakeCustomerPages
from tests.fakes.invoices import FakeInvoices
from tests.fakes.subscription_changes import FakeSubscriptionChanges
from tollkeeper.rules.metering import MeterEvent
from tollkeeper.rules.subscriptions import Card, Cause, PaymentMethod, Status, Subscription
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError
from tollkeeper.stripe.event_types import EventType
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.port import CheckoutOrder, CheckoutSession, ListedSubscription, MeterRejection

VISA = PaymentMethod("card", Card("visa", "4242", 12, 2030))


class FakeStripe(FakeInvoices, FakeSubscriptionChanges, FakeCustomerPages):
    """A Stripe account, as a deployment sees it that does all the port can do.

    `customers` are the users by the ids of their customers, None for one that another deployment made.
    `held` are this deployment's subscriptions; by their ids, `open_invoices` are the pages of what is open of
    them, and those of `unreadable` are listed but cannot be read. While `delivers` is False its events are
    undelivered. `sold` are the active prices in cents by their lookup keys.
    `while_listing` is called after a customer's subscriptions were listed and before the answer arrives,
    `while_expiring` before a session is. While `is_down` no call gets an answer.
    """

    def __init__(self, *subscriptions: Subscription, deployment: str = "live", now: datetime = NOW) -> None:
        FakeInvoices.__init__(self)
        FakeSubscriptionChanges.__init__(self)
        FakeCustomerPages.__init__(self)
        self.now = now
        self.held = list(subscriptions)
        self.customers: dict[str, str | None] = {}
        self.deleted: set[str] = set()
        self.open_invoices: dict[str, str] = {}
        self.unreadable: set[str] = set()
        self.canceled: list[tuple[str, Cause]] = []
        self.orders: dict[str, CheckoutOrder] = {}
        self.expired: list[str] = []
        self.events: list[StripeEvent] = []
        self.undelivered: list[StripeEvent] = []
        self.meter_events: dict[str, MeterEvent] = {}
        self.meters = {each.usage_meter_name for each in CATALOGUE.mirrored_metrics}
        self.billed_meters: set[str] = set()
        self.sold: dict[str, Decimal | None] = {
            **{each.price_lookup_key: Decimal(each.price) for each in CATALOGUE.paid_plans},
            **{each.price_lookup_key: each.overage_price for each in CATALOGUE.priced_metrics},
        }
        self.rejected: dict[str, list[MeterRejection]] = {}
        self.while_listing: Callable[[], object] = lambda: None
        self.while_expiring: Callable[[], object] = lambda: None
        self.delivers = True
        self.is_down = False
        self.account_id = "acct_1"
        self.livemode = False
        self._deployment = deployment
        self._made: dict[str, datetime] = {}
        self._paid: set[str] = set()

    # What a customer or the account's owner does, past the port.

    def pay(self, session_id: str) -> None:
        """Subscribe on a session's page, with a card that succeeds."""
        order = self.orders[session_id]
        trial_end = self.now + timedelta(days=order.trial_days) if order.trial_days else None
        subscription = Subscription(
            id=f"sub_{len(self.held) + 1}",
            customer_id=order.customer_id,
            plan=order.plan,
            status=Status.TRIALING if trial_end else Status.ACTIVE,
            created=self.now,
            period_start=self.now,
            period_end=trial_end or _a_month_after(self.now),
            trial_end=trial_end,
            payment_method=VISA,
        )
        self.held.append(subscription)
        self.bill(subscription, len(self.held), 0 if trial_end else CATALOGUE.plans[order.plan].price)
        self._paid.add(session_id)
        self._tell(EventType.CUSTOMER_SUBSCRIPTION_CREATED, subscription.id, order.customer_id)
        self._tell(EventType.CHECKOUT_SESSION_COMPLETED, session_id, order.customer_id)

    def delete_customer(self, customer_id: str) -> None:
        """Delete a customer, which ends their subscriptions."""
        for each in self.held:
            if each.customer_id == customer_id:
                self._end(each.id, None)
        self._tell(EventType.CUSTOMER_DELETED, customer_id, customer_id)
        self.deleted.add(customer_id)

    # The port.

    def is_of_this_account(self, event: StripeEvent) -> bool:
        """Compare what an event says of itself; which account it is, Stripe must be there to say."""
        if event.livemode not in {None, self.livemode}:
            return False
        if event.account_id is not None:
            self._answer()
        return event.account_id in {None, self.account_id}

    def create_customer(self, user_id: str, replacing: str | None = None) -> str:
        """Make a customer whose id tells what was asked; the same call within a day makes no other."""
        self._answer()
        customer_id = f"{replacing}_again" if replacing else f"cus_{user_id}"
        while self.now - self._made.get(customer_id, self.now) >= timedelta(days=1):
            customer_id += "_later"
        if customer_id not in self.customers:
            self._made[customer_id] = self.now
            self.customers[customer_id] = user_id
            self._tell(EventType.CUSTOMER_CREATED, customer_id, customer_id)
        return customer_id

    def has_customer(self, customer_id: str) -> bool:
        """Whether it was not deleted."""
        self._answer()
        return self._known(customer_id) not in self.deleted

    def user_of(self, customer_id: str) -> str | None:
        """Return whose customer it is, if anybody's; a deleted one must have bought something."""
        self._answer()
        bought = any(each.customer_id == customer_id for each in self.held)
        user_id = self.customers.get(customer_id)
        return user_id if bought or customer_id not in self.deleted else None

    def subscriptions_of(self, customer_id: str) -> list[Subscription]:
        """Return a customer's subscriptions as they were when Stripe was asked."""
        self._answer()
        found = [each for each in self.held if each.customer_id == customer_id]
        self.while_listing()
        return sorted(found, key=lambda each: each.created, reverse=True)

    def subscriptions(self, until: datetime | None = None) -> Iterator[ListedSubscription]:
        """Return whatever is not cancelled, with its user."""
        for each in sorted(self.held, key=lambda each: each.created, reverse=True):
            self._answer()
            user_id = self.customers[each.customer_id]
            if user_id and each.status is not Status.CANCELED and each.created <= (until or each.created):
                readable = None if each.id in self.unreadable else each
                yield ListedSubscription(user_id, each.customer_id, each.created, readable)
        self._answer()

    def payment_page(self, subscription_id: str) -> str | None:
        """Return the page of what is open of a subscription."""
        self._answer()
        return self.open_invoices.get(subscription_id)

    def cancel_subscription(self, subscription_id: str, cause: Cause) -> None:
        """End it now, unless it has ended."""
        self._answer()
        self.canceled.append((subscription_id, cause))
        self._end(subscription_id, cause)

    def create_checkout_session(self, order: CheckoutOrder) -> CheckoutSession:
        """Note the order under the next id."""
        self._answer()
        if self._known(order.customer_id) in self.deleted:
            raise StripeRefusedError(f"No such customer: {order.customer_id}")
        number = len(self.orders) + 1
        self.orders[f"cs_{number}"] = order
        return CheckoutSession(f"cs_{number}", f"https://pay.test/{number}")

    def open_checkout_sessions(self, customer_id: str) -> list[str]:
        """Return the sessions that are neither paid on nor expired."""
        self._answer()
        return [
            session_id
            for session_id, order in reversed(self.orders.items())
            if order.customer_id == customer_id and self._is_open(session_id)
        ]

    def expire_checkout_session(self, session_id: str) -> None:
        """Note the session as expired, if it is open."""
        self._answer()
        self.while_expiring()
        if session_id not in self.orders:
            raise StripeRefusedError(f"No such session: {session_id}")
        if self._is_open(session_id):
            self.expired.append(session_id)

    def undelivered_events(
        self, since: datetime, types: Sequence[EventType], until: datetime | None = None
    ) -> Iterator[StripeEvent]:
        """Return what was not delivered."""
        return self._listed((event for event in self.undelivered if event.type in types), since, until)

    def endings(self, since: datetime, until: datetime | None = None) -> Iterator[StripeEvent]:
        """Return the ends of subscriptions."""
        ending = EventType.CUSTOMER_SUBSCRIPTION_DELETED
        return self._listed((event for event in self.events if event.type == ending), since, until)

    def rejections(self, event_id: str) -> list[MeterRejection]:
        """Return what a thin event tells."""
        self._answer()
        if event_id not in self.rejected:
            raise StripeRefusedError(f"No such event: {event_id}")
        return self.rejected[event_id]

    def prices(self, lookup_keys: Sequence[str]) -> dict[str, Decimal | None]:
        """Return what is sold at them: all that the catalogue says, unless the test has sold otherwise."""
        self._answer()
        return {each: self.sold[each] for each in lookup_keys if each in self.sold}

    def send_meter_event(self, event: MeterEvent) -> None:
        """Take an event, unless it is known by its identifier; reject it later if the customer is unknown."""
        self._answer()
        if event.identifier in self.meter_events:
            return
        self.meter_events[event.identifier] = event
        if event.customer_id not in self.customers:
            sample = f"{event.identifier}: there is no such customer"
            rejection = MeterRejection("meter_event_customer_not_found", 1, [sample])
            self.rejected[f"evt_thin_{len(self.rejected) + 1}"] = [rejection]

    def showing_meters(self, names: Collection[str]) -> frozenset[str]:
        """Return those of some meters that are there, and that no price bills by."""
        self._answer()
        return frozenset(names) & (self.meters - self.billed_meters)

    def _listed(
        self, events: Iterable[StripeEvent], since: datetime, until: datetime | None
    ) -> Iterator[StripeEvent]:
        """Return events from a time to another, the newest first, one after the other as they are taken."""
        self._answer()
        for event in sorted(events, key=lambda event: event.at, reverse=True):
            if since <= event.at <= (until or event.at):
                self._answer()
                yield event

    def _answer(self) -> None:
        if self.is_down:
            raise StripeUnavailableError

    def _known(self, customer_id: str) -> str:
        if customer_id not in self.customers:
            raise StripeRefusedError(f"No such customer: {customer_id}")
        return customer_id

    def _is_open(self, session_id: str) -> bool:
        return session_id not in self._paid and session_id not in self.expired

    def _end(self, subscription_id: str, cause: Cause | None) -> None:
        for at, each in enumerate(self.held):
            if each.id == subscription_id and each.ended_at is None:
                self.held[at] = replace(
                    each,
                    status=Status.CANCELED,
                    ended_at=self.now,
                    canceled_for=cause,
                    past_due_since=None,
                    first_charge_failed=False,
                )
                self.stop(each.id)
                self.scheduled.pop(each.id, None)
                self._tell(EventType.CUSTOMER_SUBSCRIPTION_DELETED, each.id, each.customer_id)

    def _tell(self, kind: EventType, object_id: str, customer_id: str) -> None:
        event = StripeEvent(
            id=f"evt_{len(self.events) + 1}",
            type=kind,
            at=self.now,
            object_id=object_id,
            customer_id=customer_id,
            deployment=self._deployment,
            user_id=self.customers[customer_id],
        )
        self.events.append(event)
        if not self.delivers:
            self.undelivered.append(event)


def _a_month_after(instant: datetime) -> datetime:
    """The same day of the next month, or its last one."""
    year, month = instant.year + instant.month // 12, instant.month % 12 + 1
    return instant.replace(year=year, month=month, day=min(instant.day, monthrange(year, month)[1]))
