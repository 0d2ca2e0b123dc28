"""Stripe's side of the catalogue: says what is there, and takes one step at a time."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import stripe

from infra.operate.stripe_catalogue.planning import (
    AddItems,
    Archive,
    Create,
    Existing,
    FoundPrice,
    Meter,
    Price,
    Product,
    Step,
    Update,
)

if TYPE_CHECKING:
    from stripe.params import PriceCreateParams, ProductCreateParams
    from stripe.params.billing import MeterCreateParams

LOOKUP_KEY = "tollkeeper_lookup_key"
"""In our prices' metadata: a replaced price has lost its lookup key; one without this was added by hand."""

_PAGE = 100


class StripeCatalogue:
    """The products, prices and meters of one Stripe account.

    Every method raises `stripe.StripeError` when Stripe refuses or cannot be reached.
    """

    def __init__(self, client: stripe.StripeClient) -> None:
        self._stripe = client.v1
        self._meter_ids: dict[str, str] = {}  # by event name
        self._price_ids: dict[str, str] = {}  # by lookup key

    def read(self, wanted: Sequence[Meter | Product | Price]) -> Existing:
        """What there is of the wanted."""
        keys = {item.lookup_key for item in wanted if isinstance(item, Price)}
        meters = self._meters({item.event_name for item in wanted if isinstance(item, Meter)})
        products = self._products([item.id for item in wanted if isinstance(item, Product)])
        subscriptions: dict[str, set[str]] = {}
        paid: set[str] = set()
        for subscription, price in self._subscribed():
            subscriptions.setdefault(subscription, set()).add(str(price.product))
            paid.add(price.id)
        prices: dict[str, FoundPrice] = {}
        replaced: list[FoundPrice] = []
        for price in self._prices(products):
            if price.lookup_key in keys:
                self._price_ids[price.lookup_key] = price.id
                prices[price.lookup_key] = self._found(price, price.lookup_key, paid)
            elif LOOKUP_KEY in price.metadata:
                replaced.append(self._found(price, price.metadata[LOOKUP_KEY], paid))
        return Existing(meters, products, prices, replaced, subscriptions)

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
            case AddItems(subscription, lookup_keys):
                # Nothing has been counted for these prices yet, so there is nothing to prorate.
                self._stripe.subscriptions.update(
                    subscription,
                    {
                        "items": [{"price": self._price_ids[key]} for key in lookup_keys],
                        "proration_behavior": "none",
                    },
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
        created = self._stripe.billing.meters.create(params, _once(now, params))
        self._meter_ids[meter.event_name] = created.id

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
            "recurring": {"interval": "month", "usage_type": "licensed"},
        }
        if price.cents is not None:
            params["unit_amount_decimal"] = price.cents
        if price.meter:
            params["recurring"] = {
                "interval": "month",
                "usage_type": "metered",
                "meter": self._meter_ids[price.meter],
            }
        # A price that goes up and down again within the hour must not be answered with the first one.
        created = self._stripe.prices.create(params, _once(now, params, replaces and replaces.id))
        self._price_ids[price.lookup_key] = created.id

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

    def _prices(self, products: dict[str, Product]) -> Iterator[stripe.Price]:
        for product in products:
            prices = self._stripe.prices.list({"product": product, "active": True, "limit": _PAGE})
            yield from prices.auto_paging_iter()

    def _subscribed(self) -> Iterator[tuple[str, stripe.Price]]:
        for subscription in self._stripe.subscriptions.list({"limit": _PAGE}).auto_paging_iter():
            if subscription.status not in {"incomplete", "incomplete_expired", "canceled"}:
                for item in subscription.items.auto_paging_iter():
                    yield subscription.id, item.price

    def _found(self, price: stripe.Price, lookup_key: str, paid: set[str]) -> FoundPrice:
        recurring = price.recurring
        meter = recurring.meter if recurring else None
        event_names = {meter_id: event_name for event_name, meter_id in self._meter_ids.items()}
        return FoundPrice(
            id=price.id,
            created=datetime.fromtimestamp(price.created, UTC),
            in_use=price.id in paid,
            price=Price(
                lookup_key=lookup_key,
                product=str(price.product),
                currency=price.currency,
                cents=None if price.transform_quantity else price.unit_amount_decimal,
                meter=meter and event_names.get(meter, meter),
                interval=_interval(recurring),
            ),
        )


def _interval(recurring: stripe.Price.Recurring | None) -> str:
    if recurring is None:
        return "purchase"
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
