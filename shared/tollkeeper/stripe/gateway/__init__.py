"""Stripe through its SDK, by Stripe's nouns. Nothing outside of this folder imports the SDK."""

from stripe import StripeClient

from tollkeeper.stripe.gateway.accounts import AccountsGateway
from tollkeeper.stripe.gateway.checkout_sessions import CheckoutSessionsGateway
from tollkeeper.stripe.gateway.customers import CustomersGateway
from tollkeeper.stripe.gateway.events import EventsGateway
from tollkeeper.stripe.gateway.invoice_history import InvoiceHistoryGateway
from tollkeeper.stripe.gateway.meter_events import MeterEventsGateway
from tollkeeper.stripe.gateway.oversight import OversightGateway
from tollkeeper.stripe.gateway.pacing import Pacing
from tollkeeper.stripe.gateway.patient_client import PatientClient
from tollkeeper.stripe.gateway.portal_sessions import PortalSessionsGateway
from tollkeeper.stripe.gateway.subscription_changes import SubscriptionChangesGateway
from tollkeeper.stripe.gateway.subscriptions import SubscriptionsGateway

NETWORK_RETRIES = 2
TIMEOUT_SECONDS = 8.0

PATIENCE_SECONDS = 4.0
"""Of waiting in one call while Stripe limits calls: somebody may be waiting for the answer."""


class StripeGateway(
    AccountsGateway,
    CustomersGateway,
    SubscriptionsGateway,
    SubscriptionChangesGateway,
    CheckoutSessionsGateway,
    PortalSessionsGateway,
    InvoiceHistoryGateway,
    EventsGateway,
    MeterEventsGateway,
    OversightGateway,
):
    """All that Tollkeeper asks of Stripe (`tollkeeper.stripe.port` and others), for one deployment."""


def connect(
    secret_key: str,
    api_base: str | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
    calls_per_second: float | None = None,
) -> StripeClient:
    """Return the SDK's client under a key; `api_base` is the address of a stand-in for Stripe.

    While Stripe limits calls, one waits as long as `patience_seconds` in all. To one endpoint no more than
    `calls_per_second` are made, if that is given.
    """
    return StripeClient(
        secret_key,
        max_network_retries=NETWORK_RETRIES,
        http_client=PatientClient(
            TIMEOUT_SECONDS, patience_seconds, pacing=Pacing(calls_per_second) if calls_per_second else None
        ),
        base_addresses={"api": api_base, "meter_events": api_base} if api_base else {},
    )


def is_live(secret_key: str) -> bool:
    """Whether a key is of live mode (docs.stripe.com/keys): `sk_live_…`, or `rk_live_…` where restricted."""
    return secret_key.partition("_")[2].startswith("live_")
