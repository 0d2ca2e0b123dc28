"""What a closed period owes: a charge for each metric's overage, which becomes one line (DESIGN rule 11)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

from tollkeeper.catalogue import UNLIMITED
from tollkeeper.rules.money import money
from tollkeeper.rules.overage import billable, overage
from tollkeeper.rules.periods import Period
from tollkeeper.rules.times import iso


@dataclass(frozen=True, slots=True)
class Charge:
    """What one metric of one closed period costs, frozen when it closes.

    `price` is in cents each, as the period pinned it, `amount` in whole cents. `used`, `included` (-1 where
    the plan is unlimited) and `incurred`, what an upgrade froze, are how it came about; `capped` units more
    are over the limit and not billed, for the spending cap.
    """

    id: str
    metric: str
    quantity: int
    price: Decimal
    amount: int
    used: int
    included: int
    incurred: int = 0
    capped: int = 0


def charges(deployment: str, user_id: str, period: Period) -> tuple[Charge, ...]:
    """Return what a period that is closed as it stands owes, in the order of the catalogue's metrics.

    Nothing where not a cent is due. The period's spending cap decides how much of the overage is billed.
    """
    if not period.terms.billed or period.is_void:
        return ()
    over = overage(period)
    found = tuple(
        Charge(
            id=charge_id(deployment, user_id, period, metric),
            metric=metric,
            quantity=due.quantity,
            price=period.terms.prices[metric],
            amount=due.amount,
            used=period.used.get(metric, 0),
            included=period.terms.limit(metric),
            incurred=period.incurred.get(metric, 0),
            capped=over[metric].quantity - due.quantity,
        )
        for metric, due in billable(period).items()
        if due.quantity > 0
    )
    return found if any(each.amount for each in found) else ()


def charge_id(deployment: str, user_id: str, period: Period, metric: str) -> str:
    """Return a name that user, metric and period alone decide, within Stripe's limits of metadata."""
    parts = (deployment, user_id, period.subscription_id or "", iso(period.start), metric)
    return f"tollkeeper-{sha256('\n'.join(parts).encode()).hexdigest()}"


def describe(charge: Charge, name: str, start: datetime, end: datetime, currency: str) -> str:
    """Say in words, for an invoice, what a charge is for: the arithmetic and the period.

    "API calls, 3 Nov to 3 Dec 2025: 15,000 used − 10,000 included = 5,000 × $0.01".
    """
    reckoning = _reckoning(charge)
    bounds = f"{start:%-d %b}{'' if start.year == end.year else f' {start:%Y}'} to {end:%-d %b %Y}"
    return f"{name}, {bounds}: {reckoning} × {money(charge.price, currency)}"


def _reckoning(charge: Charge) -> str:
    over = charge.quantity + charge.capped
    if charge.included == UNLIMITED:
        shown = f"{over:,} over the limit before an upgrade"
    elif charge.incurred:
        rest = f"{charge.used:,} used − {charge.incurred:,} − {charge.included:,} included"
        shown = f"{charge.incurred:,} over the limit before an upgrade"
        shown += f" + ({rest})" if over > charge.incurred else ""
        shown += f" = {over:,}"
    else:
        shown = f"{charge.used:,} used − {charge.included:,} included = {over:,}"
    if charge.capped:
        shown += f", of which the spending cap leaves {charge.quantity:,}"
    return shown
