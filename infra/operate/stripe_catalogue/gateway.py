"""Stripe's side of the catalogue: says what is there, and takes one step at a time."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import stripe

from infra.operate.stripe_catalogue.planning import (
    UNSPECIFIED,
    Archive,
    Create,
    Existing,
    FoundPrice,
    Meter,
    Price,
    Product,
    Step,
    Update,
    Wanted,
)
from infra.operate.stripe_catalogue.portal import FoundPortal, Portal, features, found_among
from infra.operate.stripe_catalogue.unsold import OURS, Unsold
from tollkeeper.stripe.customer_port import PORTAL_MARK

if TYPE_CHECKING:
    from stripe.params import PriceCreateParams, ProductCreateParams
    from stripe.params.billing import MeterCreateParams
    from stripe.params.billing_portal import ConfigurationCreateParams, ConfigurationUpdateParamsFeatures

LOOKUP_KEY = "tollkeeper_lookup_key"
"""In our prices' metadata: a replaced price has lost its lookup key; one without this was added by hand."""

_PAGE = 100


class StripeCatalogue:
    """The products, prices, meters and portal of one Stripe account.

    Every method raises `stripe.StripeError` when Stripe refuses or cannot be reached.
    """

    def __init__(self, client: stripe.StripeClient) -> None:
        self._stripe = client.v1
        self._meter_ids: dict[str, str] = {}  # by event name

    def read(self, wanted: Sequence[Wanted]) -> Existing:
        """What there is of the wanted."""
        keys = {item.lookup_key for item in wanted if isinstance(item, Price)}
        meters = self._meters({item.event_name for item in wanted if isinstance(item, Meter)})
        products = self._products([item.id for item in wanted if isinstance(item, Product)])
        subscribed = dict(self._subscribed())
        paid = {price.id for prices in subscribed.values() for price in prices}
        prices: dict[str, FoundPrice] = {}
        replaced: list[FoundPrice] = []
        for price in self._prices(products):
            if price.lookup_key in keys:
                prices[price.lookup_key] = self._found(price, price.lookup_key, paid)
            elif LOOKUP_KEY in price.metadata:
                replaced.append(self._found(price, price.metadata[LOOKUP_KEY], paid))
        ours = {item.product for item in wanted if isinstance(item, Price) and item.interval}
        return Existing(
            meters,
            products,
            prices,
            replaced,
            billing=self._billing(),
            portal=self._portal(),
            metered={
                subscription: metered
                for subscription, items in subscribed.items()
                if ours & {str(price.product) for price in items}
                and (metered := [price.id for price in items if _is_metered(price)])
            },
            unsold=[*self._unsold({*products}, subscribed)],
        )

    def take(self, step: Step, now: datetime) -> None:
        """Take one step of a plan made from what `read` returned; steps that change nothing are skipped."""
        match step:
            case Create(Meter() as meter):
                self._create_meter(meter, now)
            case Create(Product() as product):
                self._create_product(product, now)
            case Create(Price() as price, replaces):
                self._create_price(price, replaces, now)
            case Update(wanted=Meter() as meter):
                self._stripe.billing.meters.update(
                    self._meter_ids[meter.event_name], {"display_name": meter.display_name}
                )
            case Update(wanted=Product() as product):
                self._stripe.products.update(
                    product.id, {"name": product.name, "unit_label": product.unit or "", "active": True}
                )
            case Update(FoundPrice(id=price_id), Price() as price):
                self._stripe.prices.update(
                    price_id,
                    {"tax_behavior": price.tax_behavior},
                )
            case Create(Portal() as portal):
                self._create_portal(portal, now)
            case Update(FoundPortal(id=portal_id), Portal() as portal):
                changed = cast(
                    "ConfigurationUpdateParamsFeatures", features(portal)
                )  # the same, spelled twice
                self._stripe.billing_portal.configurations.update(
                    portal_id, {"active": True, "features": changed}
                )
            case Archive(found):
                self._stripe.prices.update(found.id, {"active": False})

    def _create_meter(self, meter: Meter, now: datetime) -> None:
        params: MeterCreateParams = {
            "display_name": meter.display_name,
            "event_name": meter.event_name,
            "default_aggregation": {"formula": meter.formula},
            "customer_mapping": {"type": "by_id", "event_payload_key": meter.customer_key},
            "value_settings": {"event_payload_key": meter.value_key},
        }
        self._stripe.billing.meters.create(params, _once(now, params))

    def _create_product(self, product: Product, now: datetime) -> None:
        params: ProductCreateParams = {"id": product.id, "name": product.name}
        if product.unit:
            params["unit_label"] = product.unit
        self._stripe.products.create(params, _once(now, params))

    def _create_price(self, price: Price, replaces: FoundPrice | None, now: datetime) -> None:
        params: PriceCreateParams = {
            "product": price.product,
            "currency": price.currency,
            "lookup_key": price.lookup_key,
            "transfer_lookup_key": True,
            "metadata": {LOOKUP_KEY: price.lookup_key},
            "tax_behavior": price.tax_behavior,
        }
        if price.interval:
            params["recurring"] = {"interval": "month", "usage_type": "licensed"}
        if price.cents is not None:
            params["unit_amount_decimal"] = price.cents
        # A price that goes up and down again within the hour must not be answered with the first one.
        self._stripe.prices.create(params, _once(now, params, replaces and replaces.id))

    def _create_portal(self, portal: Portal, now: datetime) -> None:
        params: ConfigurationCreateParams = {
            "name": "Tollkeeper",
            "features": features(portal),
            "metadata": dict([PORTAL_MARK]),
        }
        self._stripe.billing_portal.configurations.create(params, _once(now, params))

    def _portal(self) -> FoundPortal | None:
        found = self._stripe.billing_portal.configurations.list({"limit": _PAGE})
        return found_among([*found.auto_paging_iter()])

    def _meters(self, event_names: set[str]) -> dict[str, Meter]:
        meters: dict[str, Meter] = {}
        for meter in self._stripe.billing.meters.list(
            {"status": "active", "limit": _PAGE}
        ).auto_paging_iter():
            if meter.event_name in event_names:
                self._meter_ids[meter.event_name] = meter.id
                meters[meter.event_name] = Meter(
                    event_name=meter.event_name,
                    display_name=meter.display_name,
                    formula=meter.default_aggregation.formula,
                    customer_key=meter.customer_mapping.event_payload_key,
                    value_key=meter.value_settings.event_payload_key,
                    window=meter.event_time_window,
                )
        return meters

    def _products(self, ids: list[str]) -> dict[str, Product]:
        products = self._stripe.products.list({"ids": ids, "limit": _PAGE}).auto_paging_iter()
        return {
            product.id: Product(
                product.id,
                product.name,
                getattr(product, "unit_label", None),  # Stripe leaves it out where there is none
                product.active,
            )
            for product in products
        }

    def _unsold(self, wanted: set[str], subscribed: Mapping[str, Sequence[stripe.Price]]) -> Iterator[Unsold]:
        """The active products of ours that are not wanted, each with the subscriptions that pay for it."""
        listed = self._stripe.products.list({"active": True, "limit": _PAGE})
        for product in listed.auto_paging_iter():
            if product.id.startswith(OURS) and product.id not in wanted:
                pay = (
                    subscription
                    for subscription, prices in subscribed.items()
                    if product.id in {str(each.product) for each in prices}
                )
                yield Unsold(product.id, product.name, tuple(pay))

    def _prices(self, products: dict[str, Product]) -> Iterator[stripe.Price]:
        for product in products:
            prices = self._stripe.prices.list({"product": product, "active": True, "limit": _PAGE})
            yield from prices.auto_paging_iter()

    def _subscribed(self) -> Iterator[tuple[str, list[stripe.Price]]]:
        for subscription in self._stripe.subscriptions.list({"limit": _PAGE}).auto_paging_iter():
            if subscription.status not in {"incomplete", "incomplete_expired", "canceled"}:
                yield subscription.id, [item.price for item in subscription.items.auto_paging_iter()]

    def _billing(self) -> dict[str, list[str]]:
        """The active prices, of whatever product, that use one of the meters."""
        event_names = {meter_id: event_name for event_name, meter_id in self._meter_ids.items()}
        billing: dict[str, list[str]] = {}
        for price in self._stripe.prices.list(
            {"active": True, "recurring": {"usage_type": "metered"}, "limit": _PAGE}
        ).auto_paging_iter():
            if price.recurring and price.recurring.meter in event_names:
                billing.setdefault(event_names[price.recurring.meter], []).append(price.id)
        return billing

    def _found(self, price: stripe.Price, lookup_key: str, paid: set[str]) -> FoundPrice:
        recurring = price.recurring
        return FoundPrice(
            id=price.id,
            created=datetime.fromtimestamp(price.created, UTC),
            in_use=price.id in paid,
            price=Price(
                lookup_key=lookup_key,
                product=str(price.product),
                currency=price.currency,
                cents=None if price.transform_quantity else price.unit_amount_decimal,
                tax_behavior=price.tax_behavior or UNSPECIFIED,
                interval=_interval(recurring),
                meter=recurring.meter if recurring else None,
            ),
        )


def _is_metered(price: stripe.Price) -> bool:
    return price.recurring is not None and price.recurring.usage_type == "metered"


def _interval(recurring: stripe.Price.Recurring | None) -> str | None:
    if recurring is None:
        return None
    return (
        recurring.interval
        if recurring.interval_count == 1
        else f"{recurring.interval_count} {recurring.interval}s"
    )


def _once(now: datetime, *request: object) -> stripe.RequestOptions:
    """An idempotency key that two runs at the same time share, so that they create one object between them.

    Stripe replays the first answer for a day, even a 500; with the hour in it a failed run can be repeated.
    """
    digest = hashlib.sha256(repr(request).encode()).hexdigest()[:32]
    return {"idempotency_key": f"tollkeeper-catalogue-{now:%Y%m%d%H}-{digest}"}
