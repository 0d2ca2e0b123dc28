"""What is told of all that happens: events, thin events, and where they go."""

from datetime import timedelta

from stripe import StripeClient, WebhookEndpoint
from stripe.v2.core import EventDestination

from tests.standin.harness import START, Sandbox, Shop


def listen(api: StripeClient, url: str) -> tuple[WebhookEndpoint, EventDestination]:
    """Have all events told to an address, and meters' thin ones too."""
    endpoint = api.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
    destination = api.v2.core.event_destinations.create(
        {
            "name": "thin",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": [
                "v1.billing.meter.error_report_triggered",
                "v1.billing.meter.no_meter_found",
            ],
            "webhook_endpoint": {"url": url},
            "include": ["webhook_endpoint.signing_secret"],
        }
    )
    return endpoint, destination


def use_in_vain(api: StripeClient) -> None:
    """Tell a meter of an unknown customer, and a meter that there is not."""
    for name in ("switch", "nothing"):
        api.v1.billing.meter_events.create(
            {"event_name": name, "payload": {"stripe_customer_id": "cus_none", "value": "1"}}
        )


def destinations(sandbox: Sandbox, shop: Shop) -> None:
    """Endpoints and destinations, made, changed and deleted; nothing is delivered to them."""
    api = shop.stripe
    sandbox.put("deliveries", {"drop": 1.0}).raise_for_status()
    endpoint, destination = listen(api, "http://127.0.0.1:9/")
    use_in_vain(api)
    sandbox.move(START + timedelta(hours=1))
    api.v2.core.events.list()
    api.v2.core.event_destinations.list()
    api.v2.core.event_destinations.retrieve(destination.id, {"include": ["webhook_endpoint.url"]})
    api.v1.webhook_endpoints.list()
    api.v1.webhook_endpoints.update(endpoint.id, {"description": "d"})
    api.v1.webhook_endpoints.delete(endpoint.id)
    api.v2.core.event_destinations.delete(destination.id)


STORIES = (destinations,)
