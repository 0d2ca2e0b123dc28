"""Checkout sessions (docs.stripe.com/api/checkout/sessions), and the prices they sell."""

from typing import TYPE_CHECKING

import stripe

from tollkeeper.rules.plan_text import plan_text
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import translated
from tollkeeper.stripe.port import CheckoutOrder, CheckoutSession

if TYPE_CHECKING:
    from stripe.params.checkout import (
        SessionCreateParams,
        SessionCreateParamsCustomText,
        SessionCreateParamsSubscriptionData,
    )


LONGEST_TEXT = 1200
"""Of what a page may say in words of ours, in characters."""


class CheckoutSessionsGateway(Connection):
    """The port's CheckoutSessions."""

    def create_checkout_session(self, order: CheckoutOrder) -> CheckoutSession:
        """Create a session for the plan's monthly price, which says what is included and what more costs."""
        plan = self._catalogue.plans[order.plan]
        price_id = self._price_id(plan.price_lookup_key)
        metadata = {"userId": order.user_id, "planId": plan.name, "deployment": self._deployment}
        text = plan_text(self._catalogue, plan, trial=order.trial_days > 0, longest=LONGEST_TEXT)
        shown: SessionCreateParamsCustomText = {"submit": {"message": text}} if text else {}
        subscription: SessionCreateParamsSubscriptionData = {"metadata": metadata}
        if order.trial_days:
            subscription["trial_period_days"] = order.trial_days
            subscription["trial_settings"] = {"end_behavior": {"missing_payment_method": "cancel"}}
        asked: SessionCreateParams = {
            "mode": "subscription",
            "customer": order.customer_id,
            "customer_update": {"address": "auto", "name": "auto"},
            "client_reference_id": order.user_id,
            "line_items": [{"price": price_id, "quantity": 1}],
            "custom_text": shown,
            "subscription_data": subscription,
            "payment_method_collection": "always",
            "allow_promotion_codes": True,
            "billing_address_collection": "required",
            "success_url": order.success_url,
            "cancel_url": order.cancel_url,
            "metadata": metadata,
            **self._options(),
        }
        if order.trial_days and self._catalogue.trial_without_card:
            asked["payment_method_collection"] = "if_required"
        with translated():
            session = self._client.v1.checkout.sessions.create(asked)
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

    def _options(self) -> "SessionCreateParams":
        """Return what the catalogue switches on."""
        options: SessionCreateParams = {}
        if self._catalogue.automatic_tax:
            options["automatic_tax"] = {"enabled": True}
        if self._catalogue.collect_tax_ids:
            options["tax_id_collection"] = {"enabled": True}
        if self._catalogue.payment_methods:
            options["allowed_payment_method_types"] = [*self._catalogue.payment_methods]
        return options

    def _price_id(self, lookup_key: str) -> str:
        """Return the id of the price with a lookup key, asked once in a function's life."""
        if lookup_key not in self._price_ids:
            with translated():
                found = self._client.v1.prices.list({"lookup_keys": [lookup_key], "active": True})
            if not found.data:
                raise StripeRefusedError(
                    f"Stripe has no active price with the lookup key {lookup_key}; run: make stripe-apply"
                )
            self._price_ids[lookup_key] = found.data[0].id
        return self._price_ids[lookup_key]
