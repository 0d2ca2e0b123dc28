"""Destinations of thin events (docs.stripe.com/api/v2/core/event-destinations)."""

import secrets
from typing import Any

from stripe.params.v2.core import (
    EventDestinationCreateParams,
    EventDestinationDeleteParams,
    EventDestinationListParams,
    EventDestinationRetrieveParams,
    EventDestinationUpdateParams,
)
from stripe.v2 import DeletedObject, ListObject
from stripe.v2.core import EventDestination

from infra.stripe_standin.account.shapes import listing_v2, make, metadata, new_id
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.clocks.sandbox_clock import iso
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.server.routes import Routes

routes = Routes()

PATH = "/v2/core/event_destinations"


@routes.post(PATH, EventDestinationCreateParams)
def create(account: Account, params: EventDestinationCreateParams) -> EventDestination:
    """Create a destination of thin events; its secret and address show only if included.

    docs.stripe.com/api/v2/core/event-destinations/create
    """
    if params["type"] != "webhook_endpoint" or params["event_payload"] != "thin":
        raise lacking("event destinations other than thin events to webhook endpoints")
    if "webhook_endpoint" not in params:
        raise RefusedError(
            "Missing required param: webhook_endpoint.", code="parameter_missing", param="webhook_endpoint"
        )
    now = iso(account.clock.now())
    destination = account.keep(
        make(
            EventDestination,
            id=new_id("ed_test"),
            created=now,
            description=params.get("description", ""),
            enabled_events=list(params["enabled_events"]),
            event_payload="thin",
            events_from=list(params.get("events_from", ["@self"])),
            metadata=metadata(params.get("metadata")),
            name=params["name"],
            status="enabled",
            type="webhook_endpoint",
            updated=now,
            webhook_endpoint={"url": params["webhook_endpoint"]["url"]},
        )
    )
    account.secrets[destination.id] = f"whsec_{secrets.token_hex(16)}"
    return _shown(account, destination, list(params.get("include", [])))


def _shown(account: Account, destination: EventDestination, include: list[str]) -> EventDestination:
    """Without `include`, neither the address nor the secret is told; the secret only at creation."""
    address = destination.webhook_endpoint.url if destination.webhook_endpoint else None
    webhook = {
        "url": address if "webhook_endpoint.url" in include else None,
        "signing_secret": account.secrets[destination.id]
        if "webhook_endpoint.signing_secret" in include
        else None,
    }
    return make(EventDestination, **{**destination.to_dict(), "webhook_endpoint": webhook})


@routes.get(PATH, EventDestinationListParams)
def listed(account: Account, params: EventDestinationListParams) -> ListObject[Any]:
    """List destinations (docs.stripe.com/api/v2/core/event-destinations/list)."""
    include = list(params.get("include", []))
    found = [_shown(account, destination, include) for destination in account.all(EventDestination)]
    return listing_v2(found[: params.get("limit", 20)])


@routes.get(PATH + "/{destination}", EventDestinationRetrieveParams)
def retrieve(account: Account, params: EventDestinationRetrieveParams, destination: str) -> EventDestination:
    """Retrieve a destination (docs.stripe.com/api/v2/core/event-destinations/retrieve)."""
    return _shown(account, account.get(EventDestination, destination), list(params.get("include", [])))


@routes.post(PATH + "/{destination}", EventDestinationUpdateParams)
def update(account: Account, params: EventDestinationUpdateParams, destination: str) -> EventDestination:
    """Update a destination (docs.stripe.com/api/v2/core/event-destinations/update)."""
    known = account.get(EventDestination, destination)
    known.enabled_events = list(params.get("enabled_events", known.enabled_events))
    known.name = params.get("name", known.name)
    known.metadata = metadata(params.get("metadata"), known.metadata)
    if known.webhook_endpoint and "webhook_endpoint" in params:
        known.webhook_endpoint.url = params["webhook_endpoint"]["url"]
    known.updated = iso(account.clock.now())
    return _shown(account, known, list(params.get("include", [])))


@routes.delete(PATH + "/{destination}", EventDestinationDeleteParams)
def delete(account: Account, _params: EventDestinationDeleteParams, destination: str) -> DeletedObject:
    """Delete a destination (docs.stripe.com/api/v2/core/event-destinations/delete)."""
    known = account.get(EventDestination, destination)
    account.forget(known)
    return make(DeletedObject, id=known.id)
