"""Charges as lines of an invoice."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tollkeeper.catalogue import Catalogue
from tollkeeper.rules.charges import Charge, describe


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """A charge as a line of an invoice, the amount of which Stripe reckons itself.

    `price` is in cents each; `description` is for people.
    """

    charge_id: str
    user_id: str
    metric: str
    quantity: int
    price: Decimal
    period_start: datetime
    period_end: datetime
    description: str


def charge_line(
    charge: Charge, user_id: str, start: datetime, end: datetime, catalogue: Catalogue
) -> ChargeLine:
    """Return a charge of a period as the line that it becomes, also of a metric that is sold no more."""
    known = catalogue.metrics.get(charge.metric)
    title = known.display_name if known else charge.metric
    return ChargeLine(
        charge_id=charge.id,
        user_id=user_id,
        metric=charge.metric,
        quantity=charge.quantity,
        price=charge.price,
        period_start=start,
        period_end=end,
        description=describe(charge, title, start, end, catalogue.currency),
    )
