"""Subscription items by themselves (docs.stripe.com/api/subscription_items)."""

from collections.abc import Mapping
from typing import Any

from stripe import ListObject, Subscription, SubscriptionItem
from stripe.params import (
    SubscriptionItemCreateParams,
    SubscriptionItemDeleteParams,
    SubscriptionItemListParams,
    SubscriptionItemRetrieveParams,
    SubscriptionItemUpdateParams,
)

from infra.stripe_standin.account.shapes import deleted
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import missing
from infra.stripe_standin.server.lists import page
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions import subscription_changes

routes = Routes()

OF_THE_ITEM = ("metadata", "price", "quantity")


@routes.post("/v1/subscription_items", SubscriptionItemCreateParams)
def create(account: Account, params: SubscriptionItemCreateParams) -> SubscriptionItem:
    """Add an item to a subscription (docs.stripe.com/api/subscription_items/create)."""
    subscription = account.get(Subscription, params["subscription"], "subscription")
    known = {item.id for item in subscription.items.data}
    _change(account, subscription, params, {})
    return next(item for item in subscription.items.data if item.id not in known)


@routes.get("/v1/subscription_items", SubscriptionItemListParams)
def listed(account: Account, params: SubscriptionItemListParams) -> ListObject[SubscriptionItem]:
    """List a subscription's items (docs.stripe.com/api/subscription_items/list)."""
    found = account.get(Subscription, params["subscription"], "subscription").items.data
    return page(found, params, "/v1/subscription_items")


@routes.get("/v1/subscription_items/{item}", SubscriptionItemRetrieveParams)
def retrieve(account: Account, _params: SubscriptionItemRetrieveParams, item: str) -> SubscriptionItem:
    """Retrieve an item (docs.stripe.com/api/subscription_items/retrieve)."""
    return _find(account, item)[1]


@routes.post("/v1/subscription_items/{item}", SubscriptionItemUpdateParams)
def update(account: Account, params: SubscriptionItemUpdateParams, item: str) -> SubscriptionItem:
    """Change an item's price or quantity (docs.stripe.com/api/subscription_items/update)."""
    subscription, known = _find(account, item)
    _change(account, subscription, params, {"id": known.id})
    return _find(account, item)[1]


@routes.delete("/v1/subscription_items/{item}", SubscriptionItemDeleteParams)
def delete(account: Account, params: SubscriptionItemDeleteParams, item: str) -> SubscriptionItem:
    """Remove an item (docs.stripe.com/api/subscription_items/delete)."""
    subscription, known = _find(account, item)
    _change(account, subscription, params, {"id": known.id, "deleted": True})
    return deleted(SubscriptionItem, item)


def _find(account: Account, identifier: str) -> tuple[Subscription, SubscriptionItem]:
    for subscription in account.all(Subscription):
        for item in subscription.items.data:
            if item.id == identifier:
                return subscription, item
    raise missing("subscription_item", identifier)


def _change(
    account: Account, subscription: Subscription, params: Mapping[str, Any], change: Mapping[str, Any]
) -> None:
    given = {name: params[name] for name in OF_THE_ITEM if name in params}
    after = subscription_changes.changed_items(account, subscription, [{**given, **change}])
    with account.changing("customer.subscription.updated", subscription):
        subscription_changes.swap(account, subscription, after, params)
