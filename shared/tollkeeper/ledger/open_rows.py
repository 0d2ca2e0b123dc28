"""What must hold of a period's row for usage to be counted in it: that it still is what it was taken for."""

from tollkeeper.ledger import rows
from tollkeeper.ledger.table import Cells, Condition, Is, Row, absent
from tollkeeper.rules.periods import Period
from tollkeeper.rules.times import iso


def begins(period: Period) -> Cells:
    """Return what a period's row begins with; where it was read, and so has begun, no more than its terms.

    DynamoDB refuses an update that says nothing, as that of what is only shown would.
    """
    return {"terms": period.pinned} if period.pinned else rows.period_bounds(period)


def takes(period: Period) -> list[Condition]:
    """Return that a period still takes usage, and ends where it did when it was named.

    Stripe's word may have come since: then what was to be counted here may belong elsewhere. A row that is
    begun under a spending cap must be new, since another may have been accepted, or taken away, for it.
    """
    end = absent("periodEnd")
    if period.end is not None:
        end = Condition("periodEnd", Is.EQUAL, period.end, or_absent=True)
    is_new = [] if period.pinned or period.spending_cap is None else [absent("terms")]
    return [absent("closedAt"), absent("void"), end, *is_new]


def has_moved(row: Row, period: Period) -> bool:
    """Whether a row that stood in the way is not what the period was taken for."""
    end = iso(period.end) if period.end else None
    is_taken = period.pinned is None and period.spending_cap is not None and "terms" in row
    return bool(row) and ("closedAt" in row or "void" in row or row.get("periodEnd") != end or is_taken)
