"""The two event destinations through which Stripe tells the webhook of what has happened."""

from stripe import StripeClient

from tollkeeper.stripe.event_types import Style, of_style


class DestinationExistsError(Exception):
    """Stripe sends events to this address already; twice is more than is needed."""


def create_destinations(client: StripeClient, url: str) -> list[str]:
    """Have Stripe send the events that are followed to a webhook, one destination for each style of event.

    Returns:
        The signing secrets, which Stripe tells at this moment and not again.

    Raises:
        DestinationExistsError: there is one at this address.
        stripe.StripeError: Stripe refused or could not be reached.
    """
    known = client.v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter()
    if any(endpoint.url == url for endpoint in known):
        raise DestinationExistsError(
            f"Stripe sends events to {url} already. To begin anew, delete that destination in Stripe."
        )
    snapshots = client.v1.webhook_endpoints.create(
        {"url": url, "enabled_events": of_style(Style.SNAPSHOT)}  # type: ignore[typeddict-item]  # literals
    )
    thin = client.v2.core.event_destinations.create(
        {
            "name": "Tollkeeper",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": [*of_style(Style.THIN)],
            "webhook_endpoint": {"url": url},
            "include": ["webhook_endpoint.signing_secret"],
        }
    )
    return [str(snapshots.secret), str(thin.webhook_endpoint and thin.webhook_endpoint.signing_secret)]
