"""What Stripe should hold, what it holds, and the steps from one to the other; no I/O."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from tollkeeper.catalogue import Catalogue

PRICE_REST = timedelta(days=35)
"""How long a replaced price stays: an open Checkout Session refers to it for up to 24 hours, a downgrade that
waits for its period's end for up to a month."""


@dataclass(frozen=True, slots=True)
class Meter:
    """What adds up the overage of one metric. Only the display name of a meter can be changed.

    No time window is wanted: with one, the last event of a window overwrites the others.
    """

    event_name: str
    display_name: str
    formula: str = "sum"
    customer_key: str = "stripe_customer_id"
    value_key: str = "value"
    window: str | None = None

    def __str__(self) -> str:
        return f'meter {self.event_name} "{self.display_name}"'


@dataclass(frozen=True, slots=True)
class Product:
    """What customers read on their invoice."""

    id: str
    name: str
    unit: str | None = None
    active: bool = True

    def __str__(self) -> str:
        unit = f" by the {self.unit}" if self.unit else ""
        return f'product {self.id} "{self.name}"{unit}{"" if self.active else " (archived)"}'


@dataclass(frozen=True, slots=True)
class Price:
    """What a product costs: a month of it, or a unit where a meter counts it. No price can be changed.

    Attributes:
        lookup_key: What checkout finds it by; a replaced price keeps here the key it had.
        product: The product's id.
        currency: The ISO 4217 code in lower case.
        cents: The price of one; None where Stripe has something else than a flat price.
        meter: The event name of the meter that counts it; None for a monthly price.
        interval: How often it is billed.
    """

    lookup_key: str
    product: str
    currency: str
    cents: Decimal | None
    meter: str | None = None
    interval: str = "month"

    def __str__(self) -> str:
        return f"price {self.lookup_key} {self.amount}"

    @property
    def amount(self) -> str:
        """The amount as the catalogue file writes it, and what it is for."""
        number = "not flat" if self.cents is None else f"{self.cents / 100:,.2f}"
        if self.cents is not None and self.cents % 1:
            number = f"{(self.cents / 100).normalize():f}"
        return f"{number} {self.currency} a {'unit' if self.meter else self.interval}"


@dataclass(frozen=True, slots=True)
class FoundPrice:
    """A price in Stripe.

    Attributes:
        id: Stripe's id.
        price: What it says.
        created: When it was created.
        in_use: Whether a subscription pays it.
    """

    id: str
    price: Price
    created: datetime
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class Existing:
    """What Stripe holds of what is wanted.

    Attributes:
        meters: Active meters by event name.
        products: Products by id.
        prices: Active prices by lookup key.
        replaced: Active prices of ours whose lookup key has passed to a newer one.
        subscriptions: The ids of the products in each live subscription, by its id.
    """

    meters: Mapping[str, Meter]
    products: Mapping[str, Product]
    prices: Mapping[str, FoundPrice]
    replaced: Sequence[FoundPrice] = ()
    subscriptions: Mapping[str, AbstractSet[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Create:
    """Create what is missing, or a price in place of another."""

    wanted: Meter | Product | Price
    replaces: FoundPrice | None = None

    def __str__(self) -> str:
        if self.replaces and isinstance(self.wanted, Price):
            key, amount = self.wanted.lookup_key, self.wanted.amount
            return f"~ change price {key} {self.replaces.price.amount} → {amount}, for new subscriptions"
        return f"+ create {self.wanted}"


@dataclass(frozen=True, slots=True)
class Update:
    """Change what can be changed in place."""

    found: Meter | Product
    wanted: Meter | Product

    def __str__(self) -> str:
        return f"~ change {self.found} → {self.wanted}"


@dataclass(frozen=True, slots=True)
class AddItems:
    """Add metered prices to a subscription that was made before their metrics had one."""

    subscription: str
    lookup_keys: tuple[str, ...]

    def __str__(self) -> str:
        return f"+ add to {self.subscription} {', '.join(self.lookup_keys)}"


@dataclass(frozen=True, slots=True)
class Archive:
    """Take a replaced price that nobody pays any more out of the lists."""

    found: FoundPrice

    def __str__(self) -> str:
        return f"- archive {self.found.price} ({self.found.id}), replaced and not in use"


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to do."""

    found: Meter | Product | Price | FoundPrice

    def __str__(self) -> str:
        if isinstance(self.found, FoundPrice):
            return f"= unchanged {self.found.price} ({self.found.id}), replaced but perhaps still in use"
        return f"= unchanged {self.found}"


@dataclass(frozen=True, slots=True)
class Clash:
    """A meter of the wanted name that counts otherwise, which only a person can resolve."""

    found: Meter

    def __str__(self) -> str:
        return f"! {self.found} exists but counts otherwise: deactivate it in Stripe, then apply again"


type Step = Create | Update | AddItems | Archive | Keep | Clash


def wanted(catalogue: Catalogue) -> Iterator[Meter | Product | Price]:
    """Everything Stripe should hold, each after what it refers to.

    One product with a monthly price for each paid plan; one meter and one product with a flat price per unit
    for each priced metric, shared by all plans, so that a plan change swaps a subscription's base item only.
    """
    for plan in catalogue.paid_plans:
        yield Product(plan.product_id, plan.display_name)
        yield Price(plan.price_lookup_key, plan.product_id, catalogue.currency, Decimal(plan.price))
    for metric in catalogue.priced_metrics:
        name = f"{metric.display_name} over the limit"
        yield Meter(metric.meter_event_name, name)
        yield Product(metric.product_id, name, metric.unit)
        yield Price(
            metric.price_lookup_key,
            metric.product_id,
            catalogue.currency,
            metric.overage_price,
            metric.meter_event_name,
        )


def plan(catalogue: Catalogue, existing: Existing, now: datetime) -> list[Step]:
    """The steps after which Stripe holds what the catalogue says, in the order to take them."""
    return [
        *(_step(item, existing) for item in wanted(catalogue)),
        *_missing_items(catalogue, existing),
        *(_archive_or_keep(found, existing, now) for found in existing.replaced),
    ]


def _step(item: Meter | Product | Price, existing: Existing) -> Step:
    match item:
        case Meter():
            meter = existing.meters.get(item.event_name)
            if meter and replace(meter, display_name=item.display_name) != item:
                return Clash(meter)
            return _create_update_or_keep(meter, item)
        case Product():
            return _create_update_or_keep(existing.products.get(item.id), item)
        case Price():
            price = existing.prices.get(item.lookup_key)
            return Keep(item) if price and price.price == item else Create(item, replaces=price)


def _create_update_or_keep(found: Meter | Product | None, item: Meter | Product) -> Step:
    if found is None:
        return Create(item)
    return Keep(item) if found == item else Update(found, item)


def _missing_items(catalogue: Catalogue, existing: Existing) -> Iterator[AddItems]:
    sold = {plan.product_id for plan in catalogue.paid_plans}
    for subscription, products in existing.subscriptions.items():
        missing = tuple(
            metric.price_lookup_key
            for metric in catalogue.priced_metrics
            if metric.product_id not in products
        )
        if missing and sold & products:  # a subscription to something else is none of our business
            yield AddItems(subscription, missing)


def _archive_or_keep(found: FoundPrice, existing: Existing, now: datetime) -> Step:
    successor = existing.prices.get(found.price.lookup_key)
    rested = successor is not None and now - successor.created >= PRICE_REST
    return Archive(found) if rested and not found.in_use else Keep(found)
