"""What Stripe should hold, what it holds, and the steps from one to the other; no I/O."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from infra.operate.stripe_catalogue.portal import FoundPortal, Portal, wanted_portal
from infra.operate.stripe_catalogue.unsold import Unsold
from tollkeeper.catalogue import Catalogue

UNSPECIFIED = "unspecified"
"""How tax stands with a price of which nobody has said it."""

PRICE_REST = timedelta(days=35)
"""How long a replaced price stays: an open Checkout Session refers to it for up to 24 hours, a downgrade that
waits for its period's end for up to a month, and so does a period that began with it, until it is charged."""


@dataclass(frozen=True, slots=True)
class Meter:
    """What shows the usage of one metric (DESIGN rule 18). Only the display name of a meter can be changed.

    No price may use it, for then Stripe would bill what is only to be shown. No time window is wanted: with
    one, the last event of a window overwrites the others.
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
    """What a product costs: a month of it, or a unit of overage, once. The amount can never be changed.

    Attributes:
        lookup_key: What checkout finds it by; a replaced price keeps here the key it had.
        product: The product's id.
        currency: The ISO 4217 code in lower case.
        cents: The price of one; None where Stripe has something else than a flat price.
        tax_behavior: Whether tax comes on top; "unspecified" where somebody has left that open in Stripe.
        interval: How often it is billed; None for a one-time price, which overage is charged at.
        meter: The meter that counts it, of a metered price; none is wanted.
    """

    lookup_key: str
    product: str
    currency: str
    cents: Decimal | None
    tax_behavior: str
    interval: str | None = "month"
    meter: str | None = None

    def __str__(self) -> str:
        return f"price {self.lookup_key} {self.amount}"

    @property
    def amount(self) -> str:
        """The amount as the catalogue file writes it, and what it is for."""
        number = "not flat" if self.cents is None else f"{self.cents / 100:,.2f}"
        if self.cents is not None and self.cents % 1:
            number = f"{(self.cents / 100).normalize():f}"
        unit = "metered unit" if self.meter else self.interval or "unit"
        return f"{number} {self.currency} a {unit}, tax {self.tax_behavior}"


type Wanted = Meter | Product | Price | Portal


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
        billing: The ids of the active prices that use a meter, by its event name.
        portal: Our configuration of the customer portal.
        metered: The ids of the metered prices that live subscriptions to our plans have, by subscription.
        unsold: What of ours is for sale there, and not wanted any more.
    """

    meters: Mapping[str, Meter]
    products: Mapping[str, Product]
    prices: Mapping[str, FoundPrice]
    replaced: Sequence[FoundPrice] = ()
    billing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    portal: FoundPortal | None = None
    metered: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unsold: Sequence[Unsold] = ()


@dataclass(frozen=True, slots=True)
class Create:
    """Create what is missing, or a price in place of another."""

    wanted: Wanted
    replaces: FoundPrice | None = None

    def __str__(self) -> str:
        if self.replaces and isinstance(self.wanted, Price):
            key, amount = self.wanted.lookup_key, self.wanted.amount
            when = "for new subscriptions" if self.wanted.interval else "from each customer's next period"
            return f"~ change price {key} {self.replaces.price.amount} → {amount}, {when}"
        return f"+ create {self.wanted}"


@dataclass(frozen=True, slots=True)
class Update:
    """Change what can be changed in place; of a price that is how tax stands, if nobody has said so yet."""

    found: Meter | Product | FoundPrice | FoundPortal
    wanted: Wanted

    def __str__(self) -> str:
        match self.found:
            case FoundPrice(price=found) | FoundPortal(portal=found) | found:
                return f"~ change {found} → {self.wanted}"


@dataclass(frozen=True, slots=True)
class Archive:
    """Take a replaced price that nobody pays any more out of the lists."""

    found: FoundPrice

    def __str__(self) -> str:
        return f"- archive {self.found.price} ({self.found.id}), replaced and not in use"


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to do."""

    found: Wanted | FoundPrice

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


@dataclass(frozen=True, slots=True)
class Billed:
    """A meter that active prices use, so that Stripe would bill what is only to be shown there."""

    found: Meter
    prices: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"! {self.found} is only to show usage, but {', '.join(self.prices)} would bill it: take that "
            "off all subscriptions and archive it in Stripe, then apply again"
        )


@dataclass(frozen=True, slots=True)
class Metered:
    """Metered items of a subscription to one of our plans, which Stripe bills beside the overage."""

    subscription: str
    prices: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"! {self.subscription} has metered items ({', '.join(self.prices)}), which Stripe bills beside "
            "the overage: remove them in Stripe once the running period is invoiced; nothing here does"
        )


type Step = Create | Update | Archive | Keep | Metered | Unsold | Clash | Billed


def wanted(catalogue: Catalogue) -> Iterator[Wanted]:
    """Everything Stripe should hold, each after what it refers to.

    One product with a monthly price for each paid plan, which is all that a subscription has; one product
    with a one-time price for each priced metric, which overage is charged at; one meter for each metric that
    Stripe is shown; and one configuration of the customer portal.
    """
    currency, tax = catalogue.currency, catalogue.tax_behavior
    for plan in catalogue.paid_plans:
        yield Product(plan.product_id, plan.display_name)
        yield Price(plan.price_lookup_key, plan.product_id, currency, Decimal(plan.price), tax)
    for metric in catalogue.priced_metrics:
        yield Product(metric.product_id, f"{metric.display_name} over the limit", metric.unit)
        yield Price(
            metric.price_lookup_key, metric.product_id, currency, metric.overage_price, tax, interval=None
        )
    for metric in catalogue.mirrored_metrics:
        yield Meter(metric.usage_meter_name, f"{metric.display_name} used")
    yield wanted_portal(catalogue)


def plan(catalogue: Catalogue, existing: Existing, now: datetime) -> list[Step]:
    """The steps after which Stripe holds what the catalogue says, in the order to take them."""
    return [
        *(_step(item, existing) for item in wanted(catalogue)),
        *(Metered(subscription, tuple(prices)) for subscription, prices in existing.metered.items()),
        *existing.unsold,
        *(_archive_or_keep(found, existing, now) for found in existing.replaced),
    ]


def _step(item: Wanted, existing: Existing) -> Step:
    match item:
        case Meter():
            meter = existing.meters.get(item.event_name)
            if meter and replace(meter, display_name=item.display_name) != item:
                return Clash(meter)
            if meter and (prices := existing.billing.get(item.event_name)):
                return Billed(meter, tuple(prices))
            return _create_update_or_keep(meter, item)
        case Product():
            return _create_update_or_keep(existing.products.get(item.id), item)
        case Price():
            return _step_of_price(existing.prices.get(item.lookup_key), item)
        case Portal():
            return _step_of_portal(existing.portal, item)


def _step_of_price(found: FoundPrice | None, item: Price) -> Step:
    if found is None or replace(found.price, tax_behavior=item.tax_behavior) != item:
        return Create(item, replaces=found)
    if found.price == item:
        return Keep(item)
    # Stripe lets this be said once, and never changed.
    return Update(found, item) if found.price.tax_behavior == UNSPECIFIED else Create(item, replaces=found)


def _step_of_portal(found: FoundPortal | None, item: Portal) -> Step:
    if found is None:
        return Create(item)
    return Keep(item) if found.portal == item else Update(found, item)


def _create_update_or_keep(found: Meter | Product | None, item: Meter | Product) -> Step:
    if found is None:
        return Create(item)
    return Keep(item) if found == item else Update(found, item)


def _archive_or_keep(found: FoundPrice, existing: Existing, now: datetime) -> Step:
    successor = existing.prices.get(found.price.lookup_key)
    rested = successor is not None and now - successor.created >= PRICE_REST
    return Archive(found) if rested and not found.in_use else Keep(found)
