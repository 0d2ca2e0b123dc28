"""Prices (docs.stripe.com/api/prices): which one a plan is sold at, and which plan one is of."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import batched

import stripe

from tollkeeper.catalogue import FREE
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import translated

MOST_LOOKUP_KEYS = 10
"""By how many lookup keys prices can be listed at once."""


class PricesGateway(Connection):
    """The prices of plans, each asked for once in a function's life."""

    @property
    def _plans(self) -> dict[str, str]:
        """The plans' names by the ids of their products."""
        return {plan.product_id: plan.name for plan in self._catalogue.plans.values()}

    def prices(self, lookup_keys: Sequence[str]) -> Mapping[str, Decimal | None]:
        """List the active prices with lookup keys, ten in one call."""
        found: dict[str, Decimal | None] = {}
        for some in batched(lookup_keys, MOST_LOOKUP_KEYS, strict=False):
            with translated():
                listed = self._client.v1.prices.list({"lookup_keys": list(some), "active": True})
            for each in listed.data:
                is_flat = each.currency == self._catalogue.currency and each.transform_quantity is None
                found[str(each.lookup_key)] = each.unit_amount_decimal if is_flat else None
        return found

    def _price_id(self, lookup_key: str) -> str:
        """Return the id of the price with a lookup key."""
        if lookup_key not in self._price_ids:
            with translated():
                found = self._client.v1.prices.list({"lookup_keys": [lookup_key], "active": True})
            if not found.data:
                raise StripeRefusedError(
                    f"Stripe has no active price with the lookup key {lookup_key}; run: make stripe-apply"
                )
            self._price_ids[lookup_key] = found.data[0].id
        return self._price_ids[lookup_key]

    def _plan_of(self, price: str | stripe.Price) -> str:
        """Return the plan that a price is of; of one that is none of the catalogue's, the free one."""
        price_id = price if isinstance(price, str) else price.id
        if price_id not in self._plans_by_price:
            product = self._client.v1.prices.retrieve(price_id).product
            self._plans_by_price[price_id] = self._plans.get(str(product), FREE)
        return self._plans_by_price[price_id]
