"""Stripe through its SDK, by Stripe's nouns. Nothing outside of this folder imports the SDK."""

import stripe
from stripe import StripeClient

from tollkeeper.stripe.gateway.checkout_sessions import CheckoutSessionsGateway
from tollkeeper.stripe.gateway.customers import CustomersGateway
from tollkeeper.stripe.gateway.events import EventsGateway
from tollkeeper.stripe.gateway.meter_events import MeterEventsGateway
from tollkeeper.stripe.gateway.subscriptions import SubscriptionsGateway

NETWORK_RETRIES = 2
TIMEOUT_SECONDS = 8.0


class StripeGateway(
    CustomersGateway, SubscriptionsGateway, CheckoutSessionsGateway, EventsGateway, MeterEventsGateway
):
    """The whole port of Stripe (`tollkeeper.stripe.port`), for one deployment."""


def connect(secret_key: str, api_base: str | None = None) -> StripeClient:
    """Return the SDK's client under a key; `api_base` is the address of a stand-in for Stripe."""
    return StripeClient(
        secret_key,
        max_network_retries=NETWORK_RETRIES,
        http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        base_addresses={"api": api_base, "meter_events": api_base} if api_base else {},
    )
