"""Stripe, small enough to be seen through."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from tollkeeper.rules.metering import MeterEvent
from tollkeeper.rules.subscriptions import Cause, Status, Subscription
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.gateway import CheckoutOrder, CheckoutSession, MeterRejection, StripeGateway


class FakeStripe(StripeGateway):
    """Stripe's side of a checkout and a subscription, kept in memory.

    `while_listing` is called after a customer's subscriptions were listed and before the answer arrives,
    `while_expiring` before a session is. `undelivered` and `ended` are what its list of events would show,
    `rejected` what it would tell of a thin event.
    """

    def __init__(self, *subscriptions: Subscription) -> None:
        self.customers: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.held = list(subscriptions)
        self.now = datetime(2025, 11, 15, 12, tzinfo=UTC)
        self.canceled: list[tuple[str, Cause]] = []
        self.undelivered: list[StripeEvent] = []
        self.ended: list[StripeEvent] = []
        self.rejected: list[MeterRejection] = []
        self.while_expiring: Callable[[], object] = lambda: None
        self.orders: dict[str, CheckoutOrder] = {}
        self.expired: list[str] = []
        self.meter_events: list[MeterEvent] = []
        self.while_listing: Callable[[], object] = lambda: None
        self.is_down = False

    def create_customer(self, user_id: str, replacing: str | None = None) -> str:
        """Return the user's customer, the same each time until it is deleted."""
        self._answer()
        if replacing:
            self.customers[user_id] = f"{replacing}_again"
        return self.customers.setdefault(user_id, f"cus_{user_id}")

    def has_customer(self, customer_id: str) -> bool:
        """Whether it was not deleted."""
        self._answer()
        return customer_id not in self.deleted

    def user_of(self, customer_id: str) -> str | None:
        """Return whose customer it is."""
        self._answer()
        return next((user for user, customer in self.customers.items() if customer == customer_id), None)

    def subscriptions_of(self, customer_id: str) -> list[Subscription]:
        """Return a customer's subscriptions as they were when Stripe was asked."""
        self._answer()
        found = [each for each in self.held if each.customer_id == customer_id]
        self.while_listing()
        return found

    def subscriptions(self) -> Iterator[tuple[str, Subscription]]:
        """Return whatever is not cancelled, with its user."""
        self._answer()
        users = {customer: user for user, customer in self.customers.items()}
        going_on = [each for each in self.held if each.status is not Status.CANCELED]
        return ((users[each.customer_id], each) for each in going_on)

    def cancel_subscription(self, subscription_id: str, cause: Cause) -> None:
        """End it now, unless it has ended."""
        self._answer()
        self.canceled.append((subscription_id, cause))
        self.held = [
            replace(
                each, status=Status.CANCELED, ended_at=self.now, canceled_for=cause, first_charge_failed=False
            )
            if each.id == subscription_id and each.ended_at is None
            else each
            for each in self.held
        ]

    def undelivered_events(self, since: datetime) -> list[StripeEvent]:
        """Return what was put there, of the time asked for."""
        self._answer()
        return [event for event in self.undelivered if event.at >= since]

    def endings(self, since: datetime) -> list[StripeEvent]:
        """Return what was put there, of the time asked for."""
        self._answer()
        return [event for event in self.ended if event.at >= since]

    def rejections(self, event_id: str) -> list[MeterRejection]:
        """Return what was put there."""
        self._answer()
        return self.rejected if event_id else []

    def open_checkout_sessions(self, customer_id: str) -> list[str]:
        """Return the sessions that are not expired."""
        self._answer()
        orders = self.orders.items()
        return [
            name for name, order in orders if order.customer_id == customer_id and name not in self.expired
        ]

    def expire_checkout_session(self, session_id: str) -> None:
        """Note the session as expired."""
        self._answer()
        self.while_expiring()
        self.expired.append(session_id)

    def create_checkout_session(self, order: CheckoutOrder) -> CheckoutSession:
        """Note the order under the next id."""
        self._answer()
        session = CheckoutSession(f"cs_{len(self.orders) + 1}", f"https://pay.test/{len(self.orders) + 1}")
        self.orders[session.id] = order
        return session

    def send_meter_event(self, event: MeterEvent) -> None:
        """Note the event as it came."""
        self._answer()
        self.meter_events.append(event)

    def _answer(self) -> None:
        if self.is_down:
            raise StripeUnavailableError
