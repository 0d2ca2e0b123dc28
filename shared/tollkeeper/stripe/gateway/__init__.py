"""Stripe, in Stripe's own nouns. Nothing outside of this folder imports its SDK."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import stripe
from stripe import StripeClient

from tollkeeper.catalogue import Catalogue
from tollkeeper.rules.metering import MeterEvent
from tollkeeper.rules.subscriptions import Cause, Status, Subscription
from tollkeeper.rules.times import epoch
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.gateway import objects
from tollkeeper.stripe.gateway.errors import is_replayed, translated

if TYPE_CHECKING:
    from stripe.params import EventListParams
    from stripe.params.checkout import SessionCreateParamsLineItem, SessionCreateParamsSubscriptionData

NETWORK_RETRIES = 2
MOST_KEYS = 8
TIMEOUT_SECONDS = 8.0
CARD = "data.default_payment_method"


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
class MeterRejection:
    """Meter events that Stripe took and then rejected for one reason: how many, and some of them."""

    code: str
    count: int
    samples: Sequence[str]


class StripeGateway:
    """One deployment's view of a Stripe account.

    `deployment` marks what it creates, so that deployments sharing an account leave each other's alone.
    """

    def __init__(
        self, secret_key: str, catalogue: Catalogue, deployment: str, api_base: str | None = None
    ) -> None:
        addresses = {"api": api_base, "meter_events": api_base} if api_base else {}
        self._client = StripeClient(
            secret_key,
            max_network_retries=NETWORK_RETRIES,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
            base_addresses=addresses,  # type: ignore[arg-type]
        )
        self._catalogue = catalogue
        self._deployment = deployment
        self._price_ids: dict[str, str] = {}
        self._plans = {plan.product_id: plan.name for plan in catalogue.plans.values()}

    def create_customer(self, user_id: str, replacing: str | None = None) -> str:
        """Return the user's Stripe customer, created unless the same call created it within a day.

        `replacing` is the customer they had, if that was deleted. Stripe repeats its first answer to an
        idempotency key for a day, even a 500 or a lock timeout's 429: then the next key is tried.
        """
        # Hashed, for a key has at most 255 characters.
        fact = "\n".join(("customer", self._deployment, user_id, replacing or ""))
        key = sha256(fact.encode()).hexdigest()
        with translated():
            for attempt in range(MOST_KEYS):
                try:
                    customer = self._client.v1.customers.create(
                        {"metadata": {"userId": user_id, "deployment": self._deployment}},
                        {"idempotency_key": f"{key}-{attempt}", "max_network_retries": 0},
                    )
                except (stripe.APIError, stripe.RateLimitError) as error:
                    if not is_replayed(error):
                        raise
                else:
                    return customer.id
        raise StripeUnavailableError("Stripe has failed again and again to create a customer")

    def has_customer(self, customer_id: str) -> bool:
        """Whether a customer exists and is not deleted."""
        with translated():
            return not getattr(self._client.v1.customers.retrieve(customer_id), "deleted", False)

    def user_of(self, customer_id: str) -> str | None:
        """Return whose customer it is; None if it is another deployment's.

        Of a deleted customer Stripe tells the id alone; their subscriptions still know the user.
        """
        with translated():
            customer = self._client.v1.customers.retrieve(customer_id)
        if getattr(customer, "deleted", False):
            return next((self._user(each) for each in self._subscriptions(customer_id)), None)
        return self._user(customer)

    def subscriptions_of(self, customer_id: str) -> list[Subscription]:
        """Return what Stripe says now of every subscription that this deployment made for a customer."""
        return [self._subscription(each) for each in self._subscriptions(customer_id)]

    def subscriptions(self) -> Iterator[tuple[str, Subscription]]:
        """Return every subscription of this deployment that has not been cancelled, with its user."""
        with translated():
            for each in self._client.v1.subscriptions.list(
                {"limit": 100, "expand": [CARD]}
            ).auto_paging_iter():
                if user_id := self._user(each):
                    yield user_id, self._subscription(each)

    def cancel_subscription(self, subscription_id: str, cause: Cause) -> None:
        """Cancel a subscription at once; it is as well if somebody else has.

        What was paid for a duplicate and not used is credited to the customer. Stripe no longer collects
        what is still open of a first charge that failed.
        """
        credited = cause is Cause.DUPLICATE
        with translated():
            try:
                self._client.v1.subscriptions.cancel(
                    subscription_id,
                    {
                        "cancellation_details": {"comment": objects.comment(cause)},
                        "invoice_now": credited,
                        "prorate": credited,
                    },
                )
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise

    def undelivered_events(self, since: datetime) -> list[StripeEvent]:
        """Return what Stripe has not been able to deliver since then, the oldest first."""
        return self._events({"delivery_success": False, "created": {"gte": epoch(since)}})

    def endings(self, since: datetime) -> list[StripeEvent]:
        """Return the ends of subscriptions since then, delivered or not, the oldest first."""
        return self._events({"type": "customer.subscription.deleted", "created": {"gte": epoch(since)}})

    def rejections(self, event_id: str) -> list[MeterRejection]:
        """Return what a thin event tells of meter events that Stripe took and then rejected."""
        with translated():
            data: Any = self._client.v2.core.events.retrieve(event_id).to_dict().get("data", {})
        return [
            MeterRejection(
                kind["code"], kind["error_count"], [_rejected(each) for each in kind["sample_errors"]]
            )
            for kind in data.get("reason", {}).get("error_types", [])
        ]

    def open_checkout_sessions(self, customer_id: str) -> list[str]:
        """Return the ids of the sessions on which a customer could still pay."""
        with translated():
            found = self._client.v1.checkout.sessions.list({"customer": customer_id, "status": "open"})
            return [session.id for session in found.auto_paging_iter()]

    def expire_checkout_session(self, session_id: str) -> None:
        """Take a session away, so that nobody can pay on it any more; it is as well if somebody has paid."""
        with translated():
            try:
                self._client.v1.checkout.sessions.expire(session_id)
            except stripe.InvalidRequestError:
                if self._client.v1.checkout.sessions.retrieve(session_id).status == "open":
                    raise

    def create_checkout_session(self, order: CheckoutOrder) -> CheckoutSession:
        """Open a session for a subscription: the plan's base price, and a metered price per priced metric.

        The card is always collected. A trial that ends without one cancels the subscription.
        """
        plan = self._catalogue.plans[order.plan]
        metered = [metric.price_lookup_key for metric in self._catalogue.priced_metrics]
        prices = self._prices([plan.price_lookup_key, *metered])
        metadata = {"userId": order.user_id, "planId": plan.name, "deployment": self._deployment}
        lines: list[SessionCreateParamsLineItem] = [{"price": prices[plan.price_lookup_key], "quantity": 1}]
        lines += [{"price": prices[key]} for key in metered]
        subscription: SessionCreateParamsSubscriptionData = {"metadata": metadata}
        if order.trial_days:
            subscription["trial_period_days"] = order.trial_days
            subscription["trial_settings"] = {"end_behavior": {"missing_payment_method": "cancel"}}
        with translated():
            session = self._client.v1.checkout.sessions.create(
                {
                    "mode": "subscription",
                    "customer": order.customer_id,
                    "customer_update": {"address": "auto", "name": "auto"},
                    "client_reference_id": order.user_id,
                    "line_items": lines,
                    "subscription_data": subscription,
                    "payment_method_collection": "always",
                    "allow_promotion_codes": True,
                    "billing_address_collection": "required",
                    "success_url": order.success_url,
                    "cancel_url": order.cancel_url,
                    "metadata": metadata,
                }
            )
        return CheckoutSession(session.id, str(session.url))

    def send_meter_event(self, event: MeterEvent) -> None:
        """Tell Stripe of overage. That Stripe knows the event already is as good as that it takes it now."""
        with translated():
            try:
                self._client.v1.billing.meter_events.create(
                    {
                        "event_name": event.name,
                        "identifier": event.identifier,
                        "payload": {"stripe_customer_id": event.customer_id, "value": str(event.value)},
                        "timestamp": epoch(event.timestamp),
                    }
                )
            except stripe.InvalidRequestError as error:
                if "already exists with identifier" not in str(error):
                    raise

    def _prices(self, lookup_keys: Sequence[str]) -> dict[str, str]:
        """Return the ids of the prices with these lookup keys, asked once in a function's life."""
        if not self._price_ids.keys() >= set(lookup_keys):
            with translated():
                found = self._client.v1.prices.list(
                    {"lookup_keys": list(lookup_keys), "active": True, "limit": 100}
                )
            self._price_ids |= {str(price.lookup_key): price.id for price in found.data}
        missing = [key for key in lookup_keys if key not in self._price_ids]
        if missing:
            raise StripeRefusedError(
                f"Stripe has no active price with the lookup key {', '.join(missing)}; run: make stripe-apply"
            )
        return {key: self._price_ids[key] for key in lookup_keys}

    def _user(self, of: stripe.Customer | stripe.Subscription) -> str | None:
        """Return the user that this deployment noted on an object of Stripe's."""
        noted = of.metadata.to_dict() if of.metadata else {}
        return noted.get("userId") if noted.get("deployment") == self._deployment else None

    def _subscriptions(self, customer_id: str) -> list[stripe.Subscription]:
        with translated():
            found = self._client.v1.subscriptions.list(
                {"customer": customer_id, "status": "all", "limit": 100, "expand": [CARD]}
            )
            return [each for each in found.auto_paging_iter() if self._user(each)]

    def _events(self, which: "EventListParams") -> list[StripeEvent]:
        with translated():
            found = self._client.v1.events.list({**which, "limit": 100})
            return [StripeEvent.of(each.to_dict()) for each in found.auto_paging_iter()][::-1]

    def _subscription(self, of: stripe.Subscription) -> Subscription:
        return objects.subscription(
            of,
            self._plans,
            unpaid=self._oldest_unpaid(of.id) if of.status == Status.PAST_DUE else None,
            card=self._card(of),
        )

    def _card(self, of: stripe.Subscription) -> stripe.PaymentMethod | None:
        """Return what a subscription's invoices are charged to: its own, or else its customer's."""
        method = of.default_payment_method
        if method is None and of.ended_at is None:
            with translated():
                customer = self._client.v1.customers.retrieve(
                    str(of.customer), {"expand": ["invoice_settings.default_payment_method"]}
                )
            if customer.invoice_settings:
                method = customer.invoice_settings.default_payment_method
        return method if isinstance(method, stripe.PaymentMethod) else None

    def _oldest_unpaid(self, subscription_id: str) -> stripe.Invoice | None:
        """Return the invoice that made a subscription past due: the newest one may be of a later month."""
        with translated():
            found = self._client.v1.invoices.list(
                {"subscription": subscription_id, "status": "open", "limit": 100}
            )
            return min(found.auto_paging_iter(), key=lambda invoice: invoice.created, default=None)


def _rejected(sample: Any) -> str:  # noqa: ANN401 - a part of Stripe's JSON
    return f"{sample['request']['identifier']}: {sample['error_message']}"
