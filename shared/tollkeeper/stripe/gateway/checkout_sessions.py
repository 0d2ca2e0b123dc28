"""Checkout sessions (docs.stripe.com/api/checkout/sessions), and the prices they sell."""

from collections.abc import Sequence
from itertools import batched
from typing import TYPE_CHECKING

import stripe

from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import translated
from tollkeeper.stripe.port import CheckoutOrder, CheckoutSession

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParamsLineItem, SessionCreateParamsSubscriptionData


MOST_LOOKUP_KEYS = 10
"""By how many lookup keys prices can be listed at once."""


class CheckoutSessionsGateway(Connection):
    """The port's CheckoutSessions."""

    def create_checkout_session(self, order: CheckoutOrder) -> CheckoutSession:
        """Create a session for the plan's base price, and for a metered price per priced metric."""
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

    def open_checkout_sessions(self, customer_id: str) -> list[str]:
        """List a customer's open sessions."""
        with translated():
            found = self._client.v1.checkout.sessions.list({"customer": customer_id, "status": "open"})
            return [session.id for session in found.auto_paging_iter()]

    def expire_checkout_session(self, session_id: str) -> None:
        """Expire a session; if Stripe refuses, look whether it is still open."""
        with translated():
            try:
                self._client.v1.checkout.sessions.expire(session_id)
            except stripe.InvalidRequestError:
                if self._client.v1.checkout.sessions.retrieve(session_id).status == "open":
                    raise

    def _prices(self, lookup_keys: Sequence[str]) -> dict[str, str]:
        """Return the ids of the prices with these lookup keys, asked once in a function's life."""
        if not self._price_ids.keys() >= set(lookup_keys):
            for some in batched(lookup_keys, MOST_LOOKUP_KEYS, strict=False):
                with translated():
                    found = self._client.v1.prices.list(
                        {"lookup_keys": list(some), "active": True, "limit": 100}
                    )
                self._price_ids |= {str(price.lookup_key): price.id for price in found.data}
        missing = [key for key in lookup_keys if key not in self._price_ids]
        if missing:
            raise StripeRefusedError(
                f"Stripe has no active price with the lookup key {', '.join(missing)}; run: make stripe-apply"
            )
        return {key: self._price_ids[key] for key in lookup_keys}
