"""Edits of the catalogue: a deployer sells something else from some day on."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random
from types import MappingProxyType
from typing import Any

from tollkeeper.catalogue import Catalogue

LIMITS = {
    "apiCalls": (500, 800, 1_500),
    "aiQueries": (60, 140),
    "exports": (30, 80),
    "designsCreated": (40, 60),
}
"""What a starter plan may include instead."""

PRICES = {"apiCalls": (2, 3), "aiQueries": (8, 15), "exports": (40, 75)}
"""What a unit beyond may cost instead, in cents."""

STARTER_PRICES = (2_500, 3_300)


def edited(before: Catalogue, chance: Random) -> tuple[Catalogue, Mapping[str, Any]]:
    """Return another catalogue, and what is told of it: limits, prices, monthly cents."""
    limit_of = chance.choice([*LIMITS])
    limit = chance.choice(LIMITS[limit_of])
    priced = chance.choice([*PRICES])
    price = chance.choice(PRICES[priced])
    monthly = chance.choice(STARTER_PRICES)
    starter = before.plans["starter"]
    limits = {**starter.limits, limit_of: limit}
    plans = {**before.plans, "starter": replace(starter, limits=MappingProxyType(limits), price=monthly)}
    metric = replace(before.metrics[priced], overage_price=Decimal(price))
    after = replace(
        before,
        plans=MappingProxyType(plans),
        metrics=MappingProxyType({**before.metrics, priced: metric}),
    )
    told = {
        "limits": {"starter": {limit_of: limit}},
        "prices": {priced: price},
        "plans": {str(monthly): "starter"},
    }
    return after, told
