"""The steps from what Stripe holds to what the catalogue says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from infra.operate.stripe_catalogue.planning import (
    PRICE_REST,
    AddItems,
    Archive,
    Clash,
    Create,
    Existing,
    FoundPrice,
    Keep,
    Meter,
    Price,
    Product,
    Step,
    Update,
    plan,
    wanted,
)
from tollkeeper.catalogue import load

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CATALOGUE = load()
WANTED = tuple(wanted(CATALOGUE))
STARTER = next(item for item in WANTED if isinstance(item, Price) and item.product == "tollkeeper_starter")
PRODUCT = next(item for item in WANTED if isinstance(item, Product))
METER = next(item for item in WANTED if isinstance(item, Meter))
METRIC_PRODUCTS = frozenset(metric.product_id for metric in CATALOGUE.priced_metrics)


def holding(items: Sequence[Meter | Product | Price]) -> Existing:
    """A Stripe account that holds these."""
    return Existing(
        meters={item.event_name: item for item in items if isinstance(item, Meter)},
        products={item.id: item for item in items if isinstance(item, Product)},
        prices={
            item.lookup_key: FoundPrice(f"price_of_{item.product}", item, NOW - PRICE_REST)
            for item in items
            if isinstance(item, Price)
        },
    )


COMPLETE = holding(WANTED)


def changes(existing: Existing) -> list[Step]:
    """The steps that change something."""
    return [step for step in plan(CATALOGUE, existing, NOW) if not isinstance(step, Keep)]


def with_starter(price: Price) -> Existing:
    """A complete account, but with this price where the starter plan's should be."""
    found = FoundPrice("price_old", price, NOW)
    return replace(COMPLETE, prices={**COMPLETE.prices, STARTER.lookup_key: found})


def test_empty_account() -> None:
    """An account that holds nothing gets everything."""
    assert [Create(item) for item in WANTED] == plan(CATALOGUE, holding([]), NOW)


def test_complete_account() -> None:
    """An account that holds everything is left alone."""
    assert [Keep(item) for item in WANTED] == plan(CATALOGUE, COMPLETE, NOW)


@pytest.mark.parametrize("price", [item for item in WANTED if isinstance(item, Price)], ids=str)
def test_order(price: Price) -> None:
    """A price comes after its product and its meter, for it refers to both."""
    before = holding(WANTED[: WANTED.index(price)])

    assert (True, price.meter is not None) == (price.product in before.products, price.meter in before.meters)


@pytest.mark.parametrize(
    "found",
    [
        replace(STARTER, cents=Decimal(1_900)),
        replace(STARTER, cents=None),
        replace(STARTER, currency="eur"),
        replace(STARTER, interval="year"),
        replace(STARTER, meter=METER.event_name),
    ],
)
def test_changed_price(found: Price) -> None:
    """A price that differs in anything is replaced by a new one."""
    assert [Create(STARTER, replaces=FoundPrice("price_old", found, NOW))] == changes(with_starter(found))


def test_same_amount() -> None:
    """Amounts are compared as numbers, not as they are written."""
    assert [] == changes(with_starter(replace(STARTER, cents=Decimal("2900.000"))))


@pytest.mark.parametrize(
    "found", [replace(PRODUCT, name="Solo"), replace(PRODUCT, unit="seat"), replace(PRODUCT, active=False)]
)
def test_changed_product(found: Product) -> None:
    """A product that was renamed or archived is changed back in place."""
    assert [Update(found, PRODUCT)] == changes(
        replace(COMPLETE, products={**COMPLETE.products, PRODUCT.id: found})
    )


def test_renamed_meter() -> None:
    """A meter's display name is changed in place."""
    found = replace(METER, display_name="Calls")

    assert [Update(found, METER)] == changes(
        replace(COMPLETE, meters={**COMPLETE.meters, METER.event_name: found})
    )


@pytest.mark.parametrize(
    "found",
    [
        replace(METER, formula="count"),
        replace(METER, window="day"),
        replace(METER, customer_key="who"),
        replace(METER, value_key="n"),
    ],
)
def test_clashing_meter(found: Meter) -> None:
    """A meter that counts otherwise cannot be changed and is left to a person."""
    assert [Clash(found)] == changes(replace(COMPLETE, meters={**COMPLETE.meters, METER.event_name: found}))


@pytest.mark.parametrize(
    ("since_replaced", "in_use", "step"),
    [
        (PRICE_REST, False, Archive),
        (PRICE_REST, True, Keep),
        (PRICE_REST - timedelta(seconds=1), False, Keep),
    ],
)
def test_replaced_price(since_replaced: timedelta, *, in_use: bool, step: type[Archive | Keep]) -> None:
    """A replaced price is archived once nobody pays it and nothing that is open can refer to it."""
    old = FoundPrice(
        "price_old", replace(STARTER, cents=Decimal(1_900)), NOW - timedelta(days=90), in_use=in_use
    )
    new = FoundPrice("price_new", STARTER, NOW - since_replaced)
    existing = replace(COMPLETE, prices={**COMPLETE.prices, STARTER.lookup_key: new}, replaced=[old])

    assert step(old) == plan(CATALOGUE, existing, NOW)[-1]


def test_subscription_that_lacks_an_item() -> None:
    """A subscription from before a metric had a price gets that metric's item."""
    products = {"tollkeeper_starter"} | METRIC_PRODUCTS - {"tollkeeper_exports_overage"}

    assert [AddItems("sub_1", ("tollkeeper_exports_overage",))] == changes(
        replace(COMPLETE, subscriptions={"sub_1": products})
    )


def test_complete_subscription() -> None:
    """A subscription that carries all items is left alone."""
    assert [] == changes(replace(COMPLETE, subscriptions={"sub_1": METRIC_PRODUCTS | {"tollkeeper_starter"}}))


def test_foreign_subscription() -> None:
    """A subscription to something else is none of ours."""
    assert [] == changes(replace(COMPLETE, subscriptions={"sub_1": {"prod_socks"}}))


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (
            Create(STARTER),
            "+ create price tollkeeper_starter_monthly 29.00 usd a month",
        ),
        (
            Create(
                Price("key", "prod", "usd", Decimal(2_900)),
                replaces=FoundPrice("price_1", Price("key", "prod", "usd", Decimal(1_900)), NOW),
            ),
            "~ change price key 19.00 usd a month → 29.00 usd a month, for new subscriptions",
        ),
        (
            Create(Price("key", "prod", "usd", Decimal("0.05"), "meter")),
            "+ create price key 0.0005 usd a unit",
        ),
        (
            Update(Product("prod", "Old"), Product("prod", "New", "call")),
            '~ change product prod "Old" → product prod "New" by the call',
        ),
        (
            Keep(METER),
            '= unchanged meter tollkeeper_apiCalls_overage "API calls over the limit"',
        ),
    ],
)
def test_lines(step: Step, line: str) -> None:
    """Each step reads as one line of a diff."""
    assert line == str(step)
