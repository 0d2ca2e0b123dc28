"""The steps from what Stripe holds to what the catalogue says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from infra.operate.stripe_catalogue.planning import (
    PRICE_REST,
    Archive,
    Billed,
    Clash,
    Create,
    Existing,
    FoundPrice,
    Keep,
    Meter,
    Metered,
    Price,
    Product,
    Step,
    Update,
    Wanted,
    plan,
    wanted,
)
from infra.operate.stripe_catalogue.portal import FoundPortal, Portal
from tollkeeper.catalogue import TaxBehavior, load

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CATALOGUE = load()
WANTED = tuple(wanted(CATALOGUE))
STARTER = next(item for item in WANTED if isinstance(item, Price) and item.product == "tollkeeper_starter")
PRODUCT = next(item for item in WANTED if isinstance(item, Product))
METRICS = CATALOGUE.metrics
METER = next(item for item in WANTED if isinstance(item, Meter))
OVERAGE = next(item for item in WANTED if isinstance(item, Price) and item.interval is None)


def holding(items: Sequence[Wanted]) -> Existing:
    """A Stripe account that holds these."""
    return Existing(
        meters={item.event_name: item for item in items if isinstance(item, Meter)},
        products={item.id: item for item in items if isinstance(item, Product)},
        prices={
            item.lookup_key: FoundPrice(f"price_of_{item.product}", item, NOW - PRICE_REST)
            for item in items
            if isinstance(item, Price)
        },
        portal=next((FoundPortal("bpc_1", item) for item in items if isinstance(item, Portal)), None),
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
    """A price comes after its product, to which it refers."""
    assert price.product in holding(WANTED[: WANTED.index(price)]).products


def test_prices() -> None:
    """A plan has one monthly price, and a priced metric one that is charged once; tax comes on top."""
    assert [("month", "exclusive", None)] * 3 + [(None, "exclusive", None)] * 3 == [
        (item.interval, item.tax_behavior, item.meter) for item in WANTED if isinstance(item, Price)
    ]


def test_tax_in_the_prices() -> None:
    """Where the catalogue says that tax is in them, all prices say so."""
    inclusive = wanted(replace(CATALOGUE, tax_behavior=TaxBehavior.INCLUSIVE))

    assert {"inclusive"} == {item.tax_behavior for item in inclusive if isinstance(item, Price)}


def test_meters() -> None:
    """Every metric has a meter of its own name, priced or not."""
    assert [(f"tollkeeper_{name}_usage", f"{each.display_name} used") for name, each in METRICS.items()] == [
        (item.event_name, item.display_name) for item in WANTED if isinstance(item, Meter)
    ]


def test_metric_that_is_not_mirrored() -> None:
    """A metric that the catalogue does not have shown in Stripe has no meter there."""
    hidden = replace(METRICS["exports"], mirror=False)
    items = wanted(replace(CATALOGUE, metrics={**METRICS, "exports": hidden}))

    assert {*METRICS} - {"exports"} == {
        item.event_name.split("_")[1] for item in items if isinstance(item, Meter)
    }


@pytest.mark.parametrize(
    "found",
    [
        replace(STARTER, cents=Decimal(1_900)),
        replace(STARTER, cents=None),
        replace(STARTER, currency="eur"),
        replace(STARTER, interval="year"),
        replace(STARTER, interval=None),
        replace(STARTER, meter="mtr_1"),
        replace(STARTER, tax_behavior="inclusive"),
    ],
)
def test_changed_price(found: Price) -> None:
    """A price that differs in anything is replaced by a new one."""
    assert [Create(STARTER, replaces=FoundPrice("price_old", found, NOW))] == changes(with_starter(found))


def test_tax_that_nobody_has_said() -> None:
    """A price that leaves tax open is told in place how it stands, for those too who pay it already."""
    found = replace(STARTER, tax_behavior="unspecified")

    assert [Update(FoundPrice("price_old", found, NOW), STARTER)] == changes(with_starter(found))


def test_tax_and_amount() -> None:
    """A price that differs in more than that is replaced."""
    found = replace(STARTER, tax_behavior="unspecified", cents=Decimal(1_900))

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


def test_meter_that_a_price_uses() -> None:
    """A meter that something would be billed by is left to a person."""
    existing = replace(COMPLETE, billing={METER.event_name: ["price_1", "price_2"]})

    assert [Billed(METER, ("price_1", "price_2"))] == changes(existing)


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


def test_portal() -> None:
    """Customers look after cards, invoices and billing details, and cancel at the period's end; no more."""
    (portal,) = (item for item in WANTED if isinstance(item, Portal))
    details = frozenset({"address", "email", "name", "phone"})
    assert Portal(details, cards=True, invoices=True, cancelling="at_period_end", switching=False) == portal


def test_portal_of_tax_ids() -> None:
    """Where the catalogue asks for tax ids, customers can change theirs."""
    portals = [item for item in wanted(replace(CATALOGUE, collect_tax_ids=True)) if isinstance(item, Portal)]
    assert ["tax_id" in portal.details for portal in portals] == [True]


@pytest.mark.parametrize(
    "change",
    [{"cancelling": "immediately"}, {"switching": True}, {"active": False}, {"cards": False}],
    ids=str,
)
def test_changed_portal(change: dict[str, Any]) -> None:
    """What somebody has changed in Stripe is changed back."""
    assert COMPLETE.portal
    found = FoundPortal("bpc_1", replace(COMPLETE.portal.portal, **change))
    assert [Update(found, COMPLETE.portal.portal)] == changes(replace(COMPLETE, portal=found))


def test_metered_items() -> None:
    """A subscription's metered items are named."""
    assert [Metered("sub_1", ("price_1",))] == changes(replace(COMPLETE, metered={"sub_1": ["price_1"]}))


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (
            Create(STARTER),
            "+ create price tollkeeper_starter_monthly 29.00 usd a month, tax exclusive",
        ),
        (
            Create(STARTER, replaces=FoundPrice("price_1", replace(STARTER, cents=Decimal(1_900)), NOW)),
            (
                "~ change price tollkeeper_starter_monthly 19.00 usd a month, tax exclusive → "
                "29.00 usd a month, tax exclusive, for new subscriptions"
            ),
        ),
        (
            Create(
                OVERAGE,
                replaces=FoundPrice("price_1", replace(OVERAGE, interval="month", meter="mtr_1"), NOW),
            ),
            (
                "~ change price tollkeeper_apiCalls_overage 0.01 usd a metered unit, tax exclusive → "
                "0.01 usd a unit, tax exclusive, from each customer's next period"
            ),
        ),
        (
            Create(replace(OVERAGE, cents=Decimal("0.05"))),
            "+ create price tollkeeper_apiCalls_overage 0.0005 usd a unit, tax exclusive",
        ),
        (
            Update(FoundPrice("price_1", replace(STARTER, tax_behavior="unspecified"), NOW), STARTER),
            (
                "~ change price tollkeeper_starter_monthly 29.00 usd a month, tax unspecified → "
                "price tollkeeper_starter_monthly 29.00 usd a month, tax exclusive"
            ),
        ),
        (
            Update(Product("prod", "Old"), Product("prod", "New", "call")),
            '~ change product prod "Old" → product prod "New" by the call',
        ),
        (
            Keep(METER),
            '= unchanged meter tollkeeper_apiCalls_usage "API calls used"',
        ),
        (
            Create(Portal(frozenset({"email"}))),
            "+ create portal of cards, invoices, email, cancelling at period end",
        ),
        (
            Update(
                FoundPortal("bpc_1", Portal(frozenset(), cancelling=None, switching=True, active=False)),
                Portal(frozenset({"email"})),
            ),
            (
                "~ change portal of cards, invoices, switching plans (inactive) → "
                "portal of cards, invoices, email, cancelling at period end"
            ),
        ),
        (
            Billed(METER, ("price_1",)),
            (
                '! meter tollkeeper_apiCalls_usage "API calls used" is only to show usage, but price_1 would '
                "bill it: take that off all subscriptions and archive it in Stripe, then apply again"
            ),
        ),
        (
            Metered("sub_1", ("price_1", "price_2")),
            (
                "! sub_1 has metered items (price_1, price_2), which Stripe bills beside the overage: remove "
                "them in Stripe once the running period is invoiced; nothing here does"
            ),
        ),
    ],
)
def test_lines(step: Step, line: str) -> None:
    """Each step reads as one line of a diff."""
    assert line == str(step)
