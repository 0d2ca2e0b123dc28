"""The catalogue: what is counted, what is sold, and which request counts as what.

It is read from one TOML file, `catalogue.toml` beside this package, and is the only source for quota,
checkout, the objects in Stripe, the pages and the client's route map. Standard library only, for Python 3.11
and later: the client library shares it with the functions.
"""

from tollkeeper.catalogue.currencies import decimal_places
from tollkeeper.catalogue.file import CatalogueError, load
from tollkeeper.catalogue.model import (
    FREE,
    NONE,
    UNLIMITED,
    Catalogue,
    Count,
    LatePolicy,
    Metric,
    Mode,
    Plan,
    Route,
    TaxBehavior,
    Unreachable,
    overage_name,
)

__all__ = [
    "FREE",
    "NONE",
    "UNLIMITED",
    "Catalogue",
    "CatalogueError",
    "Count",
    "LatePolicy",
    "Metric",
    "Mode",
    "Plan",
    "Route",
    "TaxBehavior",
    "Unreachable",
    "decimal_places",
    "load",
    "overage_name",
]
