"""Customers and what they subscribe to, as Stripe has them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from tollkeeper.catalogue import FREE
from tollkeeper.rules.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class LicensedItem:
    """An item of so many a month at a plain amount: `cents` each, which may have fractions."""

    id: str
    product: str
    cents: Decimal
    quantity: int
    tax_behavior: str


@dataclass(frozen=True, slots=True)
class LiveSubscription:
    """A live subscription as Stripe has it.

    `said` is how Tollkeeper would read it; its plan is `FREE` where no item is of a plan's product.
    `interval` is how often the plan's item is billed, such as "month" or "3 months"; `products` and `metered`
    are the products of all items, and the prices of those that are metered. `item` is the only one, if it is
    of a plain amount, and `moves` says that it is to become one of the plan that `said` then names.
    """

    said: Subscription
    currency: str
    metadata: Mapping[str, str]
    interval: str
    products: tuple[str, ...]
    metered: tuple[str, ...] = ()
    item: LicensedItem | None = None
    moves: bool = False


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as Stripe has it. `currency` is None where nothing was ever billed."""

    id: str
    currency: str | None
    metadata: Mapping[str, str]
    subscriptions: tuple[LiveSubscription, ...] = ()

    def sold_as(self, plans: Mapping[str, str]) -> "Customer":
        """Return the customer with what is on no plan moved to one: `plans` by the products that are sold."""
        return replace(self, subscriptions=tuple(_sold_as(each, plans) for each in self.subscriptions))


def _sold_as(of: LiveSubscription, plans: Mapping[str, str]) -> LiveSubscription:
    if of.said.plan != FREE or of.item is None or of.item.product not in plans:
        return of
    return replace(of, said=replace(of.said, plan=plans[of.item.product]), moves=True)
