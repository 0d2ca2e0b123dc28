"""Customers and what they subscribe to, as Stripe has them."""

from collections.abc import Mapping
from dataclasses import dataclass

from tollkeeper.rules.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class LiveSubscription:
    """A live subscription as Stripe has it.

    `said` is how Tollkeeper would read it; its plan is `FREE` where no item is of a plan's product.
    `interval` is how often the plan's item is billed, such as "month" or "3 months"; `products` and `metered`
    are the products of all items, and the prices of those that are metered.
    """

    said: Subscription
    currency: str
    metadata: Mapping[str, str]
    interval: str
    products: tuple[str, ...]
    metered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as Stripe has it. `currency` is None where nothing was ever billed."""

    id: str
    currency: str | None
    metadata: Mapping[str, str]
    subscriptions: tuple[LiveSubscription, ...] = ()
