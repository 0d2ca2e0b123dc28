"""Stripe, in Stripe's own nouns. The only module that imports its SDK."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import stripe
from stripe import StripeClient

from tollkeeper.catalogue import FREE, Catalogue
from tollkeeper.rules.metering import MeterEvent
from tollkeeper.rules.subscriptions import Status, Subscription
from tollkeeper.rules.times import epoch, from_epoch
from tollkeeper.stripe_errors import StripeRefusedError, StripeUnavailableError

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParamsLineItem, SessionCreateParamsSubscriptionData

NETWORK_RETRIES = 2
TIMEOUT_SECONDS = 8.0


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

    def create_customer(self, user_id: str) -> str:
        """Return the user's Stripe customer, created unless the same call created it within a day."""
        with _translated():
            customer = self._client.v1.customers.create(
                {"metadata": {"userId": user_id, "deployment": self._deployment}},
                {"idempotency_key": f"customer:{self._deployment}:{user_id}"},
            )
        return customer.id

    def user_of(self, customer_id: str) -> str | None:
        """Return whose customer it is; None if it is deleted or another deployment's."""
        with _translated():
            customer = self._client.v1.customers.retrieve(customer_id)
        if getattr(customer, "deleted", False) or customer.metadata is None:
            return None
        metadata = customer.metadata.to_dict()
        return metadata.get("userId") if metadata.get("deployment") == self._deployment else None

    def subscriptions_of(self, customer_id: str) -> list[Subscription]:
        """Return what Stripe says now of every subscription that this deployment made for a customer."""
        with _translated():
            found = self._client.v1.subscriptions.list(
                {"customer": customer_id, "status": "all", "limit": 100, "expand": ["data.latest_invoice"]}
            )
            ours = [
                each
                for each in found.auto_paging_iter()
                if each.metadata.to_dict().get("deployment") == self._deployment
            ]
        return [self._subscription(each) for each in ours]

    def open_checkout_sessions(self, customer_id: str) -> list[str]:
        """Return the ids of the sessions on which a customer could still pay."""
        with _translated():
            found = self._client.v1.checkout.sessions.list({"customer": customer_id, "status": "open"})
            return [session.id for session in found.auto_paging_iter()]

    def expire_checkout_session(self, session_id: str) -> None:
        """Take a session away, so that nobody can pay on it any more."""
        with _translated():
            self._client.v1.checkout.sessions.expire(session_id)

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
        with _translated():
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
        with _translated():
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
            with _translated():
                found = self._client.v1.prices.list(
                    {"lookup_keys": list(lookup_keys), "active": True, "limit": 100}
                )
            self._price_ids |= {str(price.lookup_key): price.id for price in found.data}
        missing = [key for key in lookup_keys if key not in self._price_ids]
        if missing:
            raise StripeRefusedError(
                f"Stripe has no active price with the lookup key {', '.join(missing)}; "
                "run: python -m infra.stripe_catalogue apply"
            )
        return {key: self._price_ids[key] for key in lookup_keys}

    def _subscription(self, of: stripe.Subscription) -> Subscription:
        # A property named like a dict's method: `items` is Stripe's list of subscription items here.
        items = of["items"].data
        base = next((item for item in items if str(item.price.product) in self._plans), items[0])
        return Subscription(
            id=of.id,
            customer_id=str(of.customer),
            plan=self._plans.get(str(base.price.product), FREE),
            status=Status(of.status),
            created=from_epoch(of.created),
            period_start=from_epoch(base.current_period_start),
            period_end=from_epoch(base.current_period_end),
            trial_end=_instant(of.trial_end),
            cancel_at=_instant(of.cancel_at)
            or (from_epoch(base.current_period_end) if of.cancel_at_period_end else None),
            ended_at=_instant(of.ended_at),
            past_due_since=_past_due_since(of),
        )


def _past_due_since(of: stripe.Subscription) -> datetime | None:
    """Return when the invoice that made a subscription past due was first asked to be paid."""
    invoice = of.latest_invoice
    if of.status != Status.PAST_DUE or not isinstance(invoice, stripe.Invoice):
        return None
    return _instant(invoice.status_transitions.finalized_at) or from_epoch(invoice.created)


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else from_epoch(seconds)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the SDK's errors into ours: those that may pass, and those that will not."""
    try:
        yield
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
        raise StripeUnavailableError(str(error)) from error
    except stripe.StripeError as error:
        if error.http_status is not None and error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise StripeUnavailableError(str(error)) from error
        raise StripeRefusedError(str(error)) from error
