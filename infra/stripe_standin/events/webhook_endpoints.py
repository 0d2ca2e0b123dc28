"""Webhook endpoints, which snapshot events are sent to (docs.stripe.com/api/webhook_endpoints)."""

import secrets

from stripe import ListObject, WebhookEndpoint
from stripe.params import (
    WebhookEndpointCreateParams,
    WebhookEndpointDeleteParams,
    WebhookEndpointListParams,
    WebhookEndpointRetrieveParams,
    WebhookEndpointUpdateParams,
)

from infra.stripe_standin.account.shapes import deleted, make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.server.lists import page
from infra.stripe_standin.server.routes import Routes

routes = Routes()


@routes.post("/v1/webhook_endpoints", WebhookEndpointCreateParams)
def create(account: Account, params: WebhookEndpointCreateParams) -> WebhookEndpoint:
    """Create an endpoint; only this answer carries its secret.

    See docs.stripe.com/api/webhook_endpoints/create.
    """
    endpoint = make(
        WebhookEndpoint,
        id=new_id("we"),
        api_version=params.get("api_version"),
        created=account.now(),
        description=params.get("description") or None,
        enabled_events=list(params["enabled_events"]),
        metadata=metadata(params.get("metadata")),
        status="enabled",
        url=params["url"],
    )
    account.keep(endpoint)
    account.secrets[endpoint.id] = f"whsec_{secrets.token_hex(16)}"
    return make(WebhookEndpoint, **{**endpoint.to_dict(), "secret": account.secrets[endpoint.id]})


@routes.get("/v1/webhook_endpoints", WebhookEndpointListParams)
def listed(account: Account, params: WebhookEndpointListParams) -> ListObject[WebhookEndpoint]:
    """List endpoints (docs.stripe.com/api/webhook_endpoints/list)."""
    return page(list(account.all(WebhookEndpoint)), params, "/v1/webhook_endpoints")


@routes.get("/v1/webhook_endpoints/{endpoint}", WebhookEndpointRetrieveParams)
def retrieve(account: Account, _params: WebhookEndpointRetrieveParams, endpoint: str) -> WebhookEndpoint:
    """Retrieve an endpoint (docs.stripe.com/api/webhook_endpoints/retrieve)."""
    return account.get(WebhookEndpoint, endpoint)


@routes.post("/v1/webhook_endpoints/{endpoint}", WebhookEndpointUpdateParams)
def update(account: Account, params: WebhookEndpointUpdateParams, endpoint: str) -> WebhookEndpoint:
    """Update an endpoint (docs.stripe.com/api/webhook_endpoints/update)."""
    known = account.get(WebhookEndpoint, endpoint)
    known.url = params.get("url", known.url)
    known.enabled_events = list(params.get("enabled_events", known.enabled_events))
    known.description = params.get("description", known.description) or None
    known.metadata = metadata(params.get("metadata"), known.metadata)
    if "disabled" in params:
        known.status = "disabled" if params["disabled"] else "enabled"
    return known


@routes.delete("/v1/webhook_endpoints/{endpoint}", WebhookEndpointDeleteParams)
def delete(account: Account, _params: WebhookEndpointDeleteParams, endpoint: str) -> WebhookEndpoint:
    """Delete an endpoint (docs.stripe.com/api/webhook_endpoints/delete)."""
    known = account.get(WebhookEndpoint, endpoint)
    account.forget(known)
    return deleted(WebhookEndpoint, endpoint)
