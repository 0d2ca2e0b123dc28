"""The shipped catalogue, and the smallest that is valid."""

from collections.abc import Callable
from pathlib import Path

from tollkeeper.catalogue import (
    NONE,
    Catalogue,
    load,
)

SHIPPED = load()

MINIMAL = {
    "currency": 'currency = "usd"',
    "trial_days": "trial_days = 14",
    "metrics": '[metrics]\nhits = { display_name = "Hits" }',
    "plans": '[plans.free]\ndisplay_name = "Free"\nprice = 0\nlimits = { hits = 3 }',
    "routes": '[routes]\n"/**" = "hits"',
}

type Write = Callable[..., Path]


def metric_for(catalogue: Catalogue, method: str, path: str) -> str | None:
    """Return what a request counts as; None if it is not counted."""
    route = catalogue.route_for(method, path)
    return None if route is None or route.metric == NONE else route.metric
