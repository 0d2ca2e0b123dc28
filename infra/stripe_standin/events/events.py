"""Snapshot events, as the API lists them (docs.stripe.com/api/events)."""

from stripe import Event, ListObject
from stripe.params import EventListParams, EventRetrieveParams

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.server.lists import matching, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()

MOST_TYPES = 20


@routes.get("/v1/events", EventListParams)
def listed(account: Account, params: EventListParams) -> ListObject[Event]:
    """List events, newest first (docs.stripe.com/api/events/list)."""
    found = matching(account.all(Event), params, "type")
    if "types" in params:
        if len(params["types"]) > MOST_TYPES:
            raise RefusedError(f"You may only specify up to {MOST_TYPES} types.", param="types")
        found = [event for event in found if event.type in params["types"]]
    if "delivery_success" in params:
        found = [event for event in found if (event.pending_webhooks == 0) is params["delivery_success"]]
    return page(found, params, "/v1/events")


@routes.get("/v1/events/{event}", EventRetrieveParams)
def retrieve(account: Account, _params: EventRetrieveParams, event: str) -> Event:
    """Retrieve an event (docs.stripe.com/api/events/retrieve)."""
    return account.get(Event, event)
